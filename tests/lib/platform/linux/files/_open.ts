/**
 * Opens files as a request would and tells what came of it: JSON in, JSON out. It is a process of
 * its own because proving a path changes the working directory of the whole process.
 *
 * @module
 */

import * as z from "zod";
import { openRealFile, statRealPath } from "../../../../../lib/platform/linux/files/real_file.ts";
import { RpcError } from "../../../../../lib/base/errors.ts";
import { printLine } from "../../../../../lib/base/terminal.ts";

const Task = z.strictObject({
  /** What is opened, one after the other. */
  files: z.array(z.strictObject({
    path: z.string(),
    root: z.string(),
    access: z.enum(["read", "write", "stat"]),
  })),
  /** How often the whole list is gone through. */
  times: z.int(),
  /** Milliseconds that each may take. */
  timeoutMs: z.int(),
});

const task = z.parse(Task, JSON.parse(Deno.args[0] ?? ""));
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** What was read or its size, "written", the code of our refusal, or the name of a native error. */
async function outcome({ path, root, access }: z.output<typeof Task>["files"][number]) {
  const signal = AbortSignal.timeout(task.timeoutMs);
  try {
    if (access === "stat") return `size ${(await statRealPath({ path, root })).size}`;
    const { file, info } = await openRealFile({ path, root }, access, signal);
    using _file = file;
    if (access === "write") {
      await file.write(encoder.encode("WRITTEN"));
      return "written";
    }
    const bytes = new Uint8Array(100);
    const read = await file.read(bytes) ?? 0;
    return `${info.size}: ${decoder.decode(bytes.subarray(0, read))}`;
  } catch (error) {
    if (error instanceof RpcError) {
      // Opens that were given up may still end, and make room for others.
      if (/do not open/.test(error.message)) await new Promise((resolve) => setTimeout(resolve));
      return `${error.code}`;
    }
    return error instanceof Error ? error.name : String(error);
  }
}

const counts = new Map<string, number>();
const inOrder: string[] = [];
for (let i = 0; i < task.times; i++) {
  for (const file of task.files) {
    const result = await outcome(file);
    counts.set(result, (counts.get(result) ?? 0) + 1);
    if (i === 0) inOrder.push(result);
  }
}
printLine(
  JSON.stringify({ outcomes: inOrder, counts: Object.fromEntries(counts), cwd: Deno.cwd() }),
);
// What waits for a FIFO in a thread of the runtime would keep the process alive.
Deno.exit(0);
