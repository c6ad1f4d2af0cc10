import { assertEquals } from "@std/assert";
import { processSignal } from "../../../handlers/processes/process_signal.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { MemoryProcesses, processWith } from "../../lib/guest/_memory_processes.ts";
import { Served } from "../_served.ts";
import { call } from "../_call.ts";

Deno.test("process_signal sends SIGTERM by default, to the process with that start", async () => {
  const processes = new MemoryProcesses([processWith(7)]);
  const params = { pid: 7, start_ticks: 107 };
  assertEquals(await call(processSignal, params, { guest: { processes } }), {
    pid: 7,
    signal: "SIGTERM",
  });
  await call(processSignal, { ...params, signal: "SIGKILL" }, { guest: { processes } });
  const other = await rpcErrorOf(() =>
    call(processSignal, { pid: 7, start_ticks: 1 }, { guest: { processes } })
  );
  assertEquals(other.code, -32002);
  assertEquals(processes.signals.map(({ signal }) => signal), ["SIGTERM", "SIGKILL"]);
});

Deno.test("process_signal asks the broker for another user's process, if accounts is on", async () => {
  const processes = new MemoryProcesses([processWith(7)]);
  processes.foreign = [7];
  const params = { pid: 7, start_ticks: 107, signal: "SIGKILL" };
  const privileged = new MemoryPrivileged(() => ({ pid: 7, signal: "SIGKILL" }));
  const guest = { processes, privileged };
  const off = await rpcErrorOf(() => call(processSignal, params, { guest }));
  assertEquals([off.code, off.data.group, privileged.performed], [-32001, "accounts", []]);
  const security = { allow: ["exec" as const, "accounts" as const] };
  await call(processSignal, params, { guest, security });
  assertEquals(privileged.performed, [["process_signal", params]]);
  const none = await rpcErrorOf(() =>
    call(processSignal, params, { guest: { processes }, security })
  );
  assertEquals([none.code, none.message.includes("--broker none")], [-32001, true]);
});

Deno.test("process_signal refuses groups, unknown signals and a missing start", async () => {
  const processes = new MemoryProcesses([processWith(7)]);
  for (
    const params of [
      { pid: 0, start_ticks: 1 },
      { pid: -7, start_ticks: 107 },
      { pid: 7 },
      { pid: 7, start_ticks: -1 },
      { pid: 7, start_ticks: 107, signal: "TERM" },
      { pid: 7, start_ticks: 107, signal: 9 },
      { pid: "7; id", start_ticks: 107 },
    ]
  ) {
    assertEquals(
      (await rpcErrorOf(() => call(processSignal, params, { guest: { processes } }))).code,
      -32602,
    );
  }
  assertEquals(processes.signals, []);
});

Deno.test("process_signal of a real agent ends a process, and never the agent", async () => {
  await using served = await Served.start(processSignal);
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  const startOf = async (pid: number) => {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  };
  const { pid } = child;
  await served.call({ pid, start_ticks: await startOf(pid) }, processSignal.result);
  assertEquals((await child.status).signal, "SIGTERM");
  const agent = served.agent.pid;
  const answer = await served.answer({ pid: agent, start_ticks: await startOf(agent) });
  assertRefused(answer, -32001, /the agent itself/);
  const first = await served.answer({ pid: 1, start_ticks: await startOf(1) });
  assertRefused(first, -32001, /process 1/);
});
