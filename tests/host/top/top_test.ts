import { assert, assertEquals, assertMatch } from "@std/assert";
import { widthOf } from "../../../host/ctl/format.ts";
import type { PoolAgent } from "../../../host/member.ts";
import { keysOf, press } from "../../../host/top/keys.ts";
import {
  FIRST_VIEW,
  rowOf,
  SORT_KEYS,
  sorted,
  type View,
  type VmRow,
} from "../../../host/top/model.ts";
import { detailScreen, tableScreen } from "../../../host/top/render.ts";

const row = (name: string, changes: Partial<VmRow> = {}): VmRow => ({
  key: `/run/${name}`,
  name,
  state: "ready",
  problem: undefined,
  os: "Testix 1",
  address: "192.0.2.7",
  uptimeSeconds: 100,
  load: 0.5,
  memoryPercent: 50,
  diskPercent: 50,
  diskMount: "/",
  ...changes,
});

const ROWS = [
  row("c", { load: 3, uptimeSeconds: 1, diskPercent: 95 }),
  row("a", { load: undefined, state: "unavailable", memoryPercent: 99 }),
  row("b", { load: 1, uptimeSeconds: 9, diskPercent: undefined }),
];

const names = (rows: readonly VmRow[]) => rows.map(({ name }) => name).join("");
// deno-lint-ignore no-control-regex -- escape sequences are what is taken out
const plain = (line: string) => line.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "");

for (
  const [sort, forwards, backwards] of [
    ["name", "abc", "cba"],
    ["state", "abc", "bca"],
    ["load", "cba", "bca"],
    ["uptime", "abc", "cba"],
    ["memory", "abc", "bca"],
    ["disk", "cab", "acb"],
  ] as const
) {
  Deno.test(`top sorts by ${sort}, unknown values last in either direction`, () => {
    assertEquals(names(sorted(ROWS, { ...FIRST_VIEW, sort })), forwards);
    assertEquals(names(sorted(ROWS, { ...FIRST_VIEW, sort, isReversed: true })), backwards);
  });
}

Deno.test("keysOf() splits keys that arrive together, keeping sequences whole", () => {
  assertEquals(keysOf("qj\x1b[A\x1b[5~\x1bOB\x1b\r\x03é"), [
    ...["q", "j", "\x1b[A", "\x1b[5~", "\x1bOB", "\x1b", "\r", "\x03", "é"],
  ]);
  assertEquals(keysOf(""), []);
});

/** The view after some keys. */
function after(keys: readonly string[], rows = ROWS): View | "quit" {
  let view: View = FIRST_VIEW;
  for (const key of keys) {
    const next = press(key, view, rows);
    if (next === "quit") return next;
    view = next;
  }
  return view;
}

Deno.test("press() quits, sorts, reverses, selects and shows details", () => {
  assertEquals(after(["q"]), "quit");
  assertEquals(after(["\x03"]), "quit");
  assertEquals(after(["\r", "\x03"]), "quit");
  assertEquals(after(["l"]), { ...FIRST_VIEW, sort: "load" });
  assertEquals(after(["l", "l"]), { ...FIRST_VIEW, sort: "load", isReversed: true });
  assertEquals(after(["l", "l", "d"]), { ...FIRST_VIEW, sort: "disk" });
  assertEquals(after(["r"]), { ...FIRST_VIEW, isReversed: true });
  assertEquals(after(["j"]), { ...FIRST_VIEW, selected: "/run/b" });
  assertEquals(after(["j", "j", "j", "j"]), { ...FIRST_VIEW, selected: "/run/c" });
  assertEquals(after(["G", "k"]), { ...FIRST_VIEW, selected: "/run/b" });
  assertEquals(after(["\x1b[6~", "\x1b[H"]), { ...FIRST_VIEW, selected: "/run/a" });
  assertEquals(after(["\r"]), { ...FIRST_VIEW, selected: "/run/a", isDetailed: true });
  assertEquals(after(["\r", "\x1b"]), { ...FIRST_VIEW, selected: "/run/a" });
  assertEquals(after(["\r", "q"]), { ...FIRST_VIEW, selected: "/run/a" });
  assertEquals(after(["x", "\x1b[99~", "é"]), FIRST_VIEW);
  assertEquals(after(["\r", "j"], []), FIRST_VIEW);
});

Deno.test("every sort order has a key", () => {
  for (const sort of SORT_KEYS) {
    const view = press(
      sort[0] ?? "",
      { ...FIRST_VIEW, sort: sort === "name" ? "load" : "name" },
      [],
    );
    assert(view !== "quit" && view.sort === sort);
  }
});

const AGENT: PoolAgent = {
  name: "vm\x1b[2J",
  path: "/run/vm",
  channel: { name: "vm\x1b[2J", path: "/run/vm", isShortened: false },
  state: "unavailable",
  problem: "connected, but no answer for 30 s",
  info: undefined,
  system: undefined,
  skipped: 0,
  call: () => Promise.reject(new Error("not called here")),
  callUnchecked: () => Promise.reject(new Error("not called here")),
  callForText: () => Promise.reject(new Error("not called here")),
};

Deno.test("the screens fill any terminal exactly, and print no control characters of a guest", () => {
  const many = Array.from(
    { length: 200 },
    (_, index) => row(`vm${index} ${"日本".repeat(index % 20)}`, { os: "\x1b]0;title\x07\x1b[2J" }),
  );
  for (const columns of [20, 40, 80, 81, 200]) {
    for (const rows of [2, 5, 24, 60, 300]) {
      const size = { columns, rows };
      for (const all of [[], ROWS, many]) {
        const view = { ...FIRST_VIEW, selected: all.at(-1)?.key };
        const lines = tableScreen(all, view, size, "12:00:00");
        assertEquals(lines.length, rows);
        for (const line of lines) assert(widthOf(plain(line)) <= columns, JSON.stringify(line));
        // deno-lint-ignore no-control-regex -- they are what must not be there
        assertEquals(/[\x00-\x1f]/.test(plain(lines.join(""))), false);
      }
      const details = detailScreen(AGENT, {}, size);
      assertEquals(details.length, rows);
      assert(details.every((line) => widthOf(plain(line)) <= columns));
    }
  }
});

Deno.test("the table keeps the selected row visible", () => {
  const many = Array.from({ length: 100 }, (_, index) => row(String(index).padStart(3, "0")));
  const size = { columns: 80, rows: 10 };
  for (const selected of ["/run/000", "/run/050", "/run/099"]) {
    const lines = tableScreen(many, { ...FIRST_VIEW, selected }, size, "");
    assert(lines.some((line) => line.includes("\x1b[7m") && line.includes(selected.slice(5))));
  }
});

Deno.test("the table shows the state, and what is known about a VM", () => {
  const lines = tableScreen(ROWS, FIRST_VIEW, { columns: 120, rows: 24 }, "").map(plain);
  assertMatch(lines[0] ?? "", /^3 VMs: 2 ready, 1 unavailable, 0 connecting/);
  assertMatch(lines[1] ?? "", /^NAME▼ +STATE +UPTIME +LOAD +MEM +DISK +ADDRESS +OS/);
  assertMatch(lines[4] ?? "", /^c +ready +1s +3\.00 +50% +95% +192\.0\.2\.7 +Testix 1/);
});

Deno.test("rowOf() picks the address and the fullest disk", () => {
  const network = {
    interfaces: [
      ["lo", ["127.0.0.1/8"], "up"],
      ["docker0", ["172.17.0.1/16"], "up"],
      ["eth1", ["198.51.100.1/24"], "down"],
      ["eth0", ["169.254.3.4/16", "192.0.2.9/24"], "up"],
    ].map(([name, ipv4_addresses, state]) => ({
      name: String(name),
      mac_address: "00:00:00:00:00:00",
      ipv4_addresses: [ipv4_addresses].flat().map(String),
      ipv6_addresses: [],
      state: String(state),
      mtu: 1500,
    })),
  };
  const disk = (mount_point: string, used_percent: number) => ({
    mount_point,
    device: "d",
    fs_type: "ext4",
    total_bytes: 1,
    used_bytes: 1,
    available_bytes: 1,
    used_percent,
  });
  const disks = { filesystems: [disk("/", 20), disk("/srv", 80), disk("/home", 10)] };
  const { address, diskPercent, diskMount, load } = rowOf(AGENT, { network, disks });
  assertEquals([address, diskPercent, diskMount, load], ["192.0.2.9", 80, "/srv", undefined]);
});
