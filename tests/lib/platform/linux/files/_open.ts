/**
 * Opens files as a request would and reports the outcomes: JSON in, JSON out. It is a separate
 * process because proving a path changes the working directory of the whole process.
 *
 * @module
 */

import * as z from "zod";
import { BoundedOpens } from "../../../../../lib/platform/linux/files/bounded_opens.ts";
import { FileShells } from "../../../../../lib/platform/linux/files/file_shells.ts";
import { openRealFile } from "../../../../../lib/platform/linux/files/real_file.ts";
import { statRealPath } from "../../../../../lib/platform/linux/files/real_path.ts";
import { ThreadRouser } from "../../../../../lib/platform/linux/files/rouse_threads.ts";
import { RpcError } from "../../../../../lib/base/errors.ts";
import { printLine } from "../../../../../lib/base/terminal.ts";

const Task = z.strictObject({
  /** The files to open, one after the other. */
  files: z.array(z.strictObject({
    path: z.string(),
    root: z.string(),
    access: z.enum(["read", "write", "stat"]),
  })),
  /** How often to go through the list. */
  times: z.int(),
  /** Milliseconds for each. */
  timeoutMs: z.int(),
  /** Go on until each of these outcomes has been seen, at most this many milliseconds. */
  until: z.optional(z.strictObject({ seen: z.array(z.string()), deadlineMs: z.int() })),
});

const task = z.parse(Task, JSON.parse(Deno.args[0] ?? ""));
const decoder = new TextDecoder();
const encoder = new TextEncoder();
const shells = new FileShells(false);
const rouser = new ThreadRouser(shells);
const opens = new BoundedOpens(() => rouser.rouse());

/** What was read or its size, "written", the code of a refusal, or the name of a native error. */
async function outcome({ path, root, access }: z.output<typeof Task>["files"][number]) {
  const signal = AbortSignal.timeout(task.timeoutMs);
  try {
    if (access === "stat") return `size ${(await statRealPath({ path, root })).size}`;
    const { file, info } = await openRealFile(opens, { path, root }, access, signal);
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
      return `${error.code}`;
    }
    return error instanceof Error ? error.name : String(error);
  }
}

const counts = new Map<string, number>();
const inOrder: string[] = [];
const begin = performance.now();

function isDone(round: number): boolean {
  if (round < task.times) return false;
  if (task.until === undefined) return true;
  const { seen, deadlineMs } = task.until;
  return seen.every((one) => counts.has(one)) || performance.now() - begin > deadlineMs;
}

let mostOpens = 0;
for (let i = 0; !isDone(i); i++) {
  for (const file of task.files) {
    const result = await outcome(file);
    mostOpens = Math.max(mostOpens, opens.count);
    counts.set(result, (counts.get(result) ?? 0) + 1);
    if (i === 0) inOrder.push(result);
  }
}
printLine(
  JSON.stringify({
    outcomes: inOrder,
    counts: Object.fromEntries(counts),
    cwd: Deno.cwd(),
    mostOpens,
  }),
);
// A thread that waits at a FIFO would keep the process alive.
Deno.exit(0);
