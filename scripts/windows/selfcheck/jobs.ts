/**
 * Checks of the job objects that commands run in.
 *
 * @module
 */

import { isHandle } from "../../../lib/platform/windows/ffi/handle.ts";
import { kernel32 } from "../../../lib/platform/windows/ffi/kernel32.ts";
import { setCpuRate } from "../../../lib/platform/windows/processes/job_limits.ts";
import { startTree } from "../../../lib/platform/windows/processes/start_tree.ts";
import { SYSTEM_DIRECTORY } from "../../../lib/platform/windows/programs.ts";
import { lastError } from "../../../lib/platform/windows/ffi/windows_error.ts";
import { type Check, requireThat, waitFor } from "./check.ts";
import { isRunning, processorTimeOf } from "./process_use.ts";

/** How long the end of a process may take. */
const END_MS = 10_000;

/** Starts another Deno, which stays, prints its process id, and waits for it. */
const PARENT = `const child = new Deno.Command(Deno.execPath(), {
  args: ["eval", "setTimeout(() => {}, 600000)"],
}).spawn();
console.log(child.pid);
await child.status;`;

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
  const hasEnded = await waitFor(
    END_MS,
    async () => await isRunning(grandchild) ? undefined : true,
  );
  requireThat(hasEnded === true, `process ${grandchild}, which it started, goes on running`);
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
