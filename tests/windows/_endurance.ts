/**
 * An agent that answers 20,000 requests uses no more memory and no more handles than before.
 *
 * @module
 */

import * as z from "zod";
import { assert, assertEquals } from "@std/assert";
import type { Wine } from "../../scripts/windows/wine.ts";
import { type Host, type Message } from "../agent/_host.ts";
import { WindowsAgent } from "./_wine.ts";

const REQUESTS = 20_000;
/** Requests that are sent before the first answer is read. */
const AT_ONCE = 16;
/** Until caches are filled and the heap has its size. */
const WARM_UP = 2000;
/** What takes longer comes less often: a call of {@link SLOW} and one of {@link COMMANDS}. */
const SLOW_EVERY = 25;
const COMMAND_EVERY = 1000;
/** What the measurement itself may differ by. */
const MORE_HANDLES = 8;
const MORE_KIB = 8192;

/** Requests run side by side, so what is written is not what is read. */
const PATH = "C:\\endurance\\read.txt";
const REPLACED = "C:\\endurance\\replaced.txt";
const WRITTEN = "C:\\endurance\\written.txt";
const DIRECTORY = "C:\\endurance\\directory";
const CONTENT = "x".repeat(2000);
/** A method, its parameters, and the code of its refusal if it is refused. */
type Call = readonly [method: string, params: unknown, code?: number];
const QUICK: readonly Call[] = [
  ["ping", undefined],
  ["policy_explain", { method: "file_read", params: { path: PATH } }],
  ["file_read", { path: "C:\\windows\\win.ini" }, -32001],
  ["file_read", { path: "C:\\x:stream" }, -32602],
  ["no_such_method", undefined, -32601],
];
const SLOW: readonly Call[] = [
  ["file_read", { path: PATH }],
  ["file_stat", { path: PATH }],
  ["file_list", { path: DIRECTORY }],
  ["file_write", { path: WRITTEN, content: CONTENT, offset: 100 }],
  ["file_write", { path: REPLACED, content: CONTENT }],
  ["file_hash", { path: PATH }],
  ["directory_create", { path: DIRECTORY }],
  ["directory_remove", { path: `${DIRECTORY}\\x` }, -32002],
  ["file_rename", { path: `${DIRECTORY}\\x`, to: `${DIRECTORY}\\y` }, -32002],
  ["file_read", { path: `${DIRECTORY}\\missing\\x` }, -32002],
  ["get_system_info", undefined],
  ["get_network_info", undefined],
  ["get_disk_usage", undefined],
  ["exec_command", { command: "nosuchprogram" }, -32002],
];
const COMMANDS: readonly Call[] = [
  ["exec_command", { command: "cmd", args: ["/c", "echo a"] }],
  ["exec_command", { command: "C:\\windows\\win.ini" }, -32000],
];

/** The call with this number. */
function callFor(number: number): Call {
  const [calls, every] = number % COMMAND_EVERY === 0
    ? [COMMANDS, COMMAND_EVERY]
    : number % SLOW_EVERY === 0
    ? [SLOW, SLOW_EVERY]
    : [QUICK, 1];
  const call = calls[Math.floor(number / every) % calls.length];
  assert(call !== undefined);
  return call;
}

/**
 * Prints what its parent, the agent, uses: its handles are among those of the whole system
 * (SystemExtendedHandleInformation), since Wine does not count them for a process.
 */
const MEASURE = `
const { symbols: { OpenProcess, K32GetProcessMemoryInfo } } = Deno.dlopen("kernel32.dll", {
  OpenProcess: { parameters: ["u32", "i32", "u32"], result: "pointer" },
  K32GetProcessMemoryInfo: { parameters: ["pointer", "buffer", "u32"], result: "i32" },
});
const { symbols: { NtQuerySystemInformation } } = Deno.dlopen("ntdll.dll", {
  NtQuerySystemInformation: { parameters: ["u32", "buffer", "u32", "buffer"], result: "u32" },
});
const counters = new BigUint64Array(9);
const isRead = K32GetProcessMemoryInfo(OpenProcess(0x0410, 0, Deno.ppid), counters, 72);
const all = new BigUint64Array(500_000);
const status = NtQuerySystemInformation(64, all, all.byteLength, new Uint32Array(1));
let handles = 0;
for (let index = 0; index < all[0]; index++) {
  if (all[2 + 5 * index + 1] === BigInt(Deno.ppid)) handles += 1;
}
console.log(JSON.stringify({ isRead, status, handles, kib: Number(counters[2]) / 1024 }));`;
const Use = z.strictObject({
  isRead: z.literal(1),
  status: z.literal(0),
  handles: z.int().check(z.positive()),
  kib: z.number(),
});

async function useOf(host: Host, runtime: string): Promise<z.output<typeof Use>> {
  const { stdout, stderr } = await host.call(
    "exec_command",
    { command: runtime, args: ["eval", "--no-check", MEASURE], timeout_seconds: 60 },
    z.looseObject({ stdout: z.string(), stderr: z.string() }),
  );
  assert(stdout !== "", stderr);
  return z.parse(Use, JSON.parse(stdout));
}

const codeOf = ({ error }: Message) =>
  error === undefined ? undefined : z.parse(z.looseObject({ code: z.int() }), error).code;

/** Sends requests, a few at once, and checks the answers. */
async function send(host: Host, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    const calls = Array.from({ length: AT_ONCE }, (_, index) => callFor(sent + index));
    const ids = await Promise.all(calls.map(([method, params]) => host.start(method, params)));
    for (const [index, [method, params, code]] of calls.entries()) {
      const answer = await host.answerTo(ids[index]);
      const what = `${method} ${JSON.stringify(params)?.slice(0, 100)}`;
      assertEquals(codeOf(answer), code, `${what}: ${JSON.stringify(answer)}`);
    }
  }
}

/** Starts an agent, with the files that the requests name. */
async function startAgent(wine: Wine): Promise<WindowsAgent> {
  await Deno.mkdir(`${wine.drive}/endurance/directory`, { recursive: true });
  await Deno.writeTextFile(`${wine.drive}/endurance/read.txt`, CONTENT);
  return await WindowsAgent.start(wine, {
    log_level: "error",
    state_directory: null,
    max_requests_per_second: 1_000_000,
    security: { allowed_read_paths: ["C:\\endurance"], allowed_write_paths: ["C:\\endurance"] },
  });
}

/** Sends 20,000 requests. */
export async function enduranceSteps(t: Deno.TestContext, wine: Wine): Promise<void> {
  const agent = await startAgent(wine);
  await using _agent = agent;
  const { host } = agent;
  await send(host, WARM_UP);
  const before = await useOf(host, wine.runtime);
  await send(host, REQUESTS);
  const after = await useOf(host, wine.runtime);
  const grown = `${JSON.stringify(before)} became ${JSON.stringify(after)}`;

  await t.step("leave no handle behind", () => {
    assert(after.handles - before.handles < MORE_HANDLES, grown);
  });

  await t.step("leave no memory behind", () => {
    assert(after.kib - before.kib < MORE_KIB, grown);
  });
}
