import { assertEquals } from "@std/assert";
import {
  clockChanges,
  filesystemChanges,
  networkChanges,
  slowChanges,
} from "../../../lib/core/guest_changes.ts";

const look = (links: Record<string, string>, addresses: readonly string[]) => ({
  links: new Map(Object.entries(links)),
  addresses: new Set(addresses),
});

Deno.test("networkChanges tells links and addresses that came, went and changed", () => {
  const before = look({ lo: "unknown", eth0: "up", eth1: "down" }, [
    "eth0 10.0.0.1/8",
    "lo ::1/128",
  ]);
  const now = look({ lo: "unknown", eth0: "down", eth2: "up" }, ["lo ::1/128", "eth2 10.0.0.2/8"]);
  assertEquals(networkChanges(before, now).map(({ event, data }) => [event, data]), [
    ["network.link_changed", { name: "eth0", state: "down", was: "up" }],
    ["network.link_added", { name: "eth2", state: "up" }],
    ["network.link_removed", { name: "eth1" }],
    ["network.address_added", { name: "eth2", address: "10.0.0.2/8" }],
    ["network.address_removed", { name: "eth0", address: "10.0.0.1/8" }],
  ]);
  assertEquals(networkChanges(now, now), []);
});

Deno.test("networkChanges sums up a flood", () => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`veth${n}`, "up"]));
  const events = networkChanges(look({}, []), look(many, []));
  assertEquals([events.length, events.at(-1)?.event, events.at(-1)?.data], [
    21,
    "network.more_changes",
    { count: 480 },
  ]);
});

const clocks = (monotonic: number, system: number, hardware?: number) => ({
  monotonic,
  system,
  hardware,
});
const HOUR = 3600;

for (
  const [what, before, now, expected] of [
    ["nothing", clocks(0, 1000, 1000), clocks(5, 1005, 1005), []],
    ["a late look", clocks(0, 1000, 1000), clocks(500, 1500.4, 1501), []],
    ["the system clock was set", clocks(0, 1000, 1000), clocks(5, 1005 + HOUR, 1005), [
      ["clock.jumped", { seconds: HOUR }],
    ]],
    ["the system clock was set back", clocks(0, 1000), clocks(5, 1005 - HOUR), [
      ["clock.jumped", { seconds: -HOUR }],
    ]],
    ["a pause", clocks(0, 1000, 1000), clocks(5, 1005, 1005 + HOUR), [
      ["guest.resumed", { away_seconds: HOUR }],
    ]],
    [
      "a pause, and the clock was corrected",
      clocks(0, 1000, 1000),
      clocks(5, 1005 + HOUR, 1005 + HOUR),
      [
        ["guest.resumed", { away_seconds: HOUR }],
        ["clock.jumped", { seconds: HOUR }],
      ],
    ],
    ["the hardware clock was set to the system's", clocks(0, 1000, 500), clocks(5, 1005, 1005), []],
    ["the hardware clock was set back", clocks(0, 1000, 1000), clocks(5, 1005, 5), []],
    ["no hardware clock", clocks(0, 1000), clocks(5, 1005), []],
  ] as const
) {
  Deno.test(`clockChanges: ${what}`, () => {
    const events = clockChanges(before, now).map(({ event, data }) => [event, data]);
    assertEquals(JSON.stringify(events), JSON.stringify(expected));
  });
}

Deno.test("filesystemChanges tells once that one is full, and when it is well below the threshold", () => {
  const at = (used_percent: number) => [{ mount_point: "/", used_percent, available_bytes: 5 }];
  let full: ReadonlySet<string> | undefined;
  const seen: unknown[] = [];
  for (const percent of [50, 89.9, 90, 95, 89, 88.1, 87.9, 90]) {
    const changes = filesystemChanges(full, at(percent), 90);
    full = changes.full;
    for (const { event } of changes.events) seen.push([percent, event]);
  }
  assertEquals(seen, [
    [90, "filesystem.full"],
    [87.9, "filesystem.relieved"],
    [90, "filesystem.full"],
  ]);
  assertEquals(filesystemChanges(undefined, at(99), 90).events[0]?.data, {
    mount_point: "/",
    used_percent: 99,
    available_bytes: 5,
    at_start: true,
  });
});

Deno.test("slowChanges tells killed processes and failed units, each once", () => {
  const first = { memoryKills: 7, failedUnits: ["old.service"] };
  assertEquals(slowChanges(undefined, first), [
    { type: "unit", event: "unit.failed", data: { unit: "old.service", at_start: true } },
  ]);
  assertEquals(slowChanges(first, first), []);
  assertEquals(slowChanges(first, { memoryKills: 9, failedUnits: ["old.service", "a.service"] }), [
    { type: "memory", event: "memory.out", data: { killed: 2 } },
    { type: "unit", event: "unit.failed", data: { unit: "a.service" } },
  ]);
  assertEquals(slowChanges({}, {}), []);
});
