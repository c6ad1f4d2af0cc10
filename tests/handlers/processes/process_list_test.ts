import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { processList } from "../../../handlers/processes/process_list.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { MemoryProcesses, processWith } from "../../lib/guest/_memory_processes.ts";
import { Served } from "../_served.ts";
import { call } from "../_call.ts";

Deno.test("process_list returns every process once, in pages that fit a message", async () => {
  const all = Array.from(
    { length: 5000 },
    (_, index) => processWith(index + 1, { name: "\u0001".repeat(15), user: "somebody" }),
  );
  const processes = new MemoryProcesses(all);
  const seen: number[] = [];
  let cursor: string | undefined;
  do {
    const result = z.parse(
      processList.result,
      await call(processList, { limit: 1000, cursor }, { guest: { processes } }),
    );
    assert(JSON.stringify(result).length <= 60_000);
    assertEquals(result.total_count, 5000);
    seen.push(...result.processes.map(({ pid }) => pid));
    cursor = result.cursor;
  } while (cursor !== undefined);
  assertEquals(seen, all.map(({ pid }) => pid));
});

Deno.test("process_list asks for command lines only if the configuration says so", async () => {
  const processes = new MemoryProcesses([processWith(1)]);
  await call(processList, {}, { guest: { processes } });
  await call(processList, {}, { guest: { processes }, security: { process_arguments: true } });
  assertEquals(processes.queries.map(({ withArguments }) => withArguments), [false, true]);
});

Deno.test("process_list refuses wrong filters, orders and limits", async () => {
  for (
    const params of [
      { pid: 0 },
      { pid: 1.5 },
      { user: "" },
      { name: "a\0b" },
      { name: "\ud800" },
      { name: "x".repeat(65) },
      { sort: "size" },
      { limit: 0 },
      { limit: 1001 },
    ]
  ) {
    const error = await rpcErrorOf(() =>
      call(processList, params, { guest: { processes: new MemoryProcesses([]) } })
    );
    assertEquals(error.code, -32602, JSON.stringify(params));
  }
});

Deno.test("process_list of a guest that cannot says so", async () => {
  const error = await rpcErrorOf(() => call(processList, {}, { guest: { processes: undefined } }));
  assertEquals([error.code, error.message], [-32000, "this guest cannot list processes"]);
});

Deno.test("process_list of a real, confined agent finds the agent, and hides command lines", async () => {
  await using served = await Served.start(processList);
  const { processes } = await served.call({ pid: Deno.pid }, processList.result);
  assertEquals(processes.map(({ pid, uid }) => [pid, uid]), [[Deno.pid, Deno.uid()]]);
  assertEquals(processes[0]?.arguments, undefined);
});

Deno.test("process_list of a real agent returns command lines where that is configured", async () => {
  const config = () => ({ security: { process_arguments: true } });
  await using served = await Served.start(processList, { config });
  const { processes } = await served.call({ pid: Deno.pid }, processList.result);
  assert(processes[0]?.arguments?.includes("test"), JSON.stringify(processes));
});
