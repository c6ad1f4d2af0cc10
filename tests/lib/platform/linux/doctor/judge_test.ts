import { assert, assertEquals, assertMatch } from "@std/assert";
import { defaultConfig } from "../../../../../lib/config/schema.ts";
import {
  type Circumstances,
  judge,
  parseFacts,
} from "../../../../../lib/platform/linux/doctor/judge.ts";
import { diagnose } from "../../../../../lib/platform/linux/doctor/mod.ts";

const CIRCUMSTANCES: Circumstances = {
  channelName: "org.kvmmanager.agent.0",
  unit: "kvmmanager-agent.service",
  brokerSocket: "/run/broker.sock",
  stateDirectory: "/var/lib/kvmmanager-agent/state",
  distrust: undefined,
};

/** A guest in which all is well. */
const HEALTHY: Readonly<Record<string, string>> = {
  uid: "0",
  kernel: "6.1.0",
  port: "yes",
  ports: "org.kvmmanager.agent.0 ",
  driver: "yes",
  manager: "systemd",
  state: "active",
  loaded: "loaded",
  restarts: "0",
  result: "success",
  broker_state: "active",
  pid: "321",
  holds_port: "yes",
  exe: "/usr/lib/kvmmanager-agent/kvmmanager-agent",
  flags: "deno run --no-prompt --allow-read=/tmp agent.js",
  process_uid: "998",
  no_new_privileges: "1",
  seccomp: "2",
  capabilities: "0000000000000000",
  user: "998",
  state_directory: "998 700",
  broker_socket: "socket:998:600",
  now: "1700000000",
  hardware_clock: "1700000001",
  synchronized: "no",
  disk: "/ 41 1000000",
  root: "rw",
};

/** The findings in a guest with some facts changed; those that are `undefined` are not known. */
function examine(
  changed: Readonly<Record<string, string | undefined>> = {},
  circumstances: Partial<Circumstances> = {},
) {
  const text = Object.entries({ ...HEALTHY, ...changed })
    .flatMap(([name, value]) => value === undefined ? [] : [`${name} ${value}`]).join("\n");
  return judge(parseFacts(text), { ...CIRCUMSTANCES, ...circumstances });
}

Deno.test("everything is right in a healthy guest", () => {
  const findings = examine();
  assertEquals(findings.map(({ about, verdict }) => [about, verdict]), [
    ["version", "right"],
    ["driver", "right"],
    ["port", "right"],
    ["service", "right"],
    ["permissions", "right"],
    ["confinement", "right"],
    ["broker", "right"],
    ["clock", "right"],
    ["disk", "right"],
  ]);
});

for (
  const [what, changed, about, verdict, text] of [
    ["no driver", { driver: "no" }, "driver", "wrong", /modprobe/],
    ["another port only", { port: "no", ports: "org.qemu.guest_agent.0" }, "port", "wrong", /qemu/],
    ["a stopped service", { state: "failed", result: "oom-kill" }, "service", "wrong", /oom-kill/],
    ["no service", { loaded: "not-found" }, "service", "wrong", /install/],
    ["a port that is not held", { holds_port: "no" }, "service", "wrong", /hold the port/],
    ["a crash loop", { restarts: "70" }, "service", "wrong", /70 times/],
    ["no service manager", { manager: undefined }, "service", "unknown", /OpenRC/],
    ["OpenRC", { manager: "openrc", state: "inactive" }, "service", "wrong", /rc-service/],
    ["no user", { user: undefined }, "permissions", "wrong", /sysusers/],
    ["no state", { state_directory: undefined }, "permissions", "wrong", /tmpfiles/],
    ["state of root's", { state_directory: "0 700" }, "permissions", "wrong", /chown/],
    [
      "state seen by a user",
      { uid: "1000", state_directory: undefined },
      "permissions",
      "unknown",
      /as root/,
    ],
    ["a replaced program", { exe: "/usr/lib/a (deleted)" }, "version", "wrong", /restart/],
    ["an agent of root's", { process_uid: "0" }, "confinement", "wrong", /root/],
    ["--allow-all", { flags: "deno run --allow-all agent.js" }, "confinement", "wrong", /device/],
    ["unseen flags", { flags: undefined }, "confinement", "unknown", /as root/],
    ["capabilities", { capabilities: "00000000a80425fb" }, "confinement", "wrong", /drop-in/],
    ["no agent", { pid: undefined }, "confinement", "unknown", /start the agent/],
    ["no broker", { broker_state: "inactive" }, "broker", "wrong", /enable --now/],
    ["an open broker", { broker_socket: "socket:998:666" }, "broker", "wrong", /mode 666/],
    ["a wrong clock", { now: "1700000401" }, "clock", "wrong", /by 400 s/],
    ["a clock in local time", { now: "1700007202" }, "clock", "right", /agrees/],
    ["no hardware clock", { hardware_clock: undefined }, "clock", "unknown", /ctl doctor/],
    ["a full disk", { disk: "/ 100 12" }, "disk", "wrong", /12 KiB/],
  ] as const
) {
  Deno.test(`doctor sees ${what}`, () => {
    const finding = examine(changed).find((one) => one.about === about);
    assertEquals(finding?.verdict, verdict);
    assertMatch(`${finding?.found} ${finding?.advice}`, text);
  });
}

Deno.test("doctor sees a root that is read-only, and each disk once", () => {
  const text = "disk / 41 1000\ndisk / 41 1000\ndisk /var 41 1000\nroot ro\n";
  const disks = judge(parseFacts(text), CIRCUMSTANCES).filter(({ about }) => about === "disk");
  assertEquals(disks.map(({ verdict }) => verdict), ["right", "right", "wrong"]);
});

Deno.test("doctor sees a configuration that the broker would not trust", () => {
  const distrust = "/etc/x can be written by others than root (mode 666)";
  const finding = examine({}, { distrust }).find(({ about }) => about === "broker");
  assertEquals([finding?.verdict, finding?.found.includes(distrust)], ["wrong", true]);
});

Deno.test("every finding that is not right says what to do", () => {
  for (const name of Object.keys(HEALTHY)) {
    for (const { verdict, advice } of examine({ [name]: undefined })) {
      assert(verdict === "right" || advice !== undefined, name);
    }
  }
});

Deno.test("doctor examines this machine, whatever it has", async () => {
  const findings = await diagnose(defaultConfig(), "defaults");
  const about = new Set(findings.map((finding) => finding.about));
  for (const name of ["version", "driver", "port", "service", "clock", "disk"]) {
    assert(about.has(name), `${name} of ${[...about].join()}`);
  }
  assertMatch(findings[0]?.found ?? "", /Linux \d/);
});
