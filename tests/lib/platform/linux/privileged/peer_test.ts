import { assertEquals } from "@std/assert";
import {
  type ProcessTable,
  refusePeer,
} from "../../../../../lib/platform/linux/privileged/peer.ts";

/** A line of /proc/PID/stat, whose command is as misleading as the kernel allows. */
const stat = (start: number) => `7 (a) b) S 1 ${Array(17).fill("0").join(" ")} ${start} 9 9`;

/** The agent is process 7, started at 100; the broker was started at 200. */
const processes = (changes: Partial<ProcessTable> = {}): ProcessTable => ({
  mainPids: () => Promise.resolve([7, 0]),
  stats: () => Promise.resolve([stat(100), stat(200)]),
  ...changes,
});

for (const instance of ["3-7-990", "12-7_4711-990"]) {
  Deno.test(`the agent may use the broker: ${instance}`, async () => {
    assertEquals(await refusePeer(instance, processes()), undefined);
  });
}

Deno.test("the agent on qemu-ga's port may use the broker too", async () => {
  const mainPids = (units: readonly string[]) =>
    Promise.resolve(units.map((unit) => unit === "kvmmanager-agent-qga.service" ? 7 : 6));
  assertEquals(await refusePeer("3-7-990", processes({ mainPids })), undefined);
});

for (
  const [what, instance, changes] of [
    ["a command of the host", "3-8-990", {}],
    ["a peer while the agent is not running", "3-7-990", {
      mainPids: () => Promise.resolve([0, 0]),
    }],
    [
      "a peer when systemd does not answer",
      "3-7-990",
      { mainPids: () => Promise.resolve([]) },
    ],
    ["a process that has ended", "3-7-990", { stats: () => Promise.resolve(undefined) }],
    ["an agent that was started later with the same number", "3-7-990", {
      stats: () => Promise.resolve([stat(200), stat(200)]),
    }],
    ["a process whose start alone is known", "3-7-990", {
      stats: () => Promise.resolve([stat(100)]),
    }],
    ["an instance without a process", "3", {}],
    ["an instance with a user only", "3--990", {}],
    ["process 0", "3-0-990", { mainPids: () => Promise.resolve([0, 0]) }],
    ["an empty instance", "", {}],
  ] as const satisfies readonly (readonly [string, string, Partial<ProcessTable>])[]
) {
  Deno.test(`the broker refuses ${what}`, async () => {
    assertEquals(typeof await refusePeer(instance, processes(changes)), "string");
  });
}
