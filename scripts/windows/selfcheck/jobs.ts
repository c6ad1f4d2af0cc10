/**
 * Checks of the job objects that commands run in.
 *
 * @module
 */

import { sleep } from "../../../lib/base/timer.ts";
import { isHandle } from "../../../lib/platform/windows/ffi/handle.ts";
import { kernel32 } from "../../../lib/platform/windows/ffi/kernel32.ts";
import { setCpuRate } from "../../../lib/platform/windows/processes/job_limits.ts";
import { startTree } from "../../../lib/platform/windows/processes/start_tree.ts";
import { SYSTEM_DIRECTORY } from "../../../lib/platform/windows/programs.ts";
import { lastError } from "../../../lib/platform/windows/ffi/windows_error.ts";
import { type Check, requireThat } from "./check.ts";
import { processorTimeOf } from "./process_use.ts";

const SYNCHRONIZE = 0x10_0000;
const WAIT_TIMEOUT = 0x102;
/** How long the end of a process may take. */
const END_MS = { most: 10_000, each: 50 } as const;

/** Starts another Deno, which stays, prints its process id, and waits for it. */
const PARENT = `const child = new Deno.Command(Deno.execPath(), {
  args: ["eval", "setTimeout(() => {}, 600000)"],
}).spawn();
console.log(child.pid);
await child.status;`;

async function runs(pid: number): Promise<boolean> {
  const process = kernel32.OpenProcess(SYNCHRONIZE, 0, pid);
  if (!isHandle(process)) return false;
  const waited = await kernel32.WaitForSingleObject(process, 0);
  kernel32.CloseHandle(process);
  return waited === WAIT_TIMEOUT;
}

async function endsTogether(): Promise<string> {
  const tree = startTree({
    program: Deno.execPath(),
    args: ["eval", PARENT],
    workingDirectory: SYSTEM_DIRECTORY,
    env: Deno.env.toObject(),
  }, { stdin: "null", stdout: "piped", stderr: "null" });
  const reader = tree.child.stdout.getReader();
  const { value } = await reader.read();
  const grandchild = Number(new TextDecoder().decode(value));
  requireThat(grandchild > 0, "the command did not start its child");
  const status = await tree.end([]);
  tree.release();
  await reader.cancel();
  requireThat(status !== undefined, "the command goes on running");
  for (let waited = 0; await runs(grandchild); waited += END_MS.each) {
    requireThat(waited < END_MS.most, `process ${grandchild}, which it started, goes on running`);
    await sleep(END_MS.each);
  }
  return `exit status ${status.code}`;
}

/** PROCESS_SET_QUOTA, _TERMINATE and _QUERY_LIMITED_INFORMATION. */
const JOB_AND_QUERY = 0x1101;
/** Calculates for three seconds once its input ends. */
const BUSY = `for await (const _ of Deno.stdin.readable);
for (const end = performance.now() + 3000; performance.now() < end;);`;
/** The limit of the check: a quarter of one processor, and the least that can be set. */
const SHARE_OF_ONE = 0.25;
const MIN_PERCENT = 1;
/** Windows gives the time in slices: how much more than the limit is still the limit. */
const TOLERANCE = 1.5;

async function limitsProcessorTime(): Promise<string> {
  const percent = Math.max(
    MIN_PERCENT,
    Math.floor(SHARE_OF_ONE * 100 / navigator.hardwareConcurrency),
  );
  const job = kernel32.CreateJobObjectW(null, null);
  if (!isHandle(job)) throw lastError("CreateJobObjectW");
  try {
    setCpuRate(job, percent);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", BUSY],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const process = kernel32.OpenProcess(JOB_AND_QUERY, 0, child.pid);
    if (!isHandle(process)) throw lastError("OpenProcess");
    try {
      if (kernel32.AssignProcessToJobObject(job, process) === 0) {
        throw lastError("AssignProcessToJobObject");
      }
      const before = { ms: performance.now(), used: processorTimeOf(process) };
      await child.stdin.close();
      await child.status;
      const used = processorTimeOf(process) - before.used;
      const available = (performance.now() - before.ms) * navigator.hardwareConcurrency;
      const found = 100 * used / available;
      requireThat(
        found <= percent * TOLERANCE,
        `${found.toFixed(1)} % of all processors instead of ${percent} %`,
      );
      return `${found.toFixed(1)} % of all processors, limited to ${percent} %`;
    } finally {
      kernel32.CloseHandle(process);
    }
  } finally {
    kernel32.CloseHandle(job);
  }
}

/** The checks. */
export const JOB_CHECKS: readonly Check[] = [
  { name: "ending a command ends what it has started", run: endsTogether },
  { name: "a job object limits processor time", run: limitsProcessorTime },
];
