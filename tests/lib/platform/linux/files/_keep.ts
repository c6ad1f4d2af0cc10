/**
 * Reads pieces of one file as requests would and prints them: JSON in, JSON out. It is a separate
 * process because proving a path changes the working directory of the whole process.
 *
 * @module
 */

import * as z from "zod";
import type { UnescapedBytes } from "../../../../../lib/base/json_text.ts";
import { printLine } from "../../../../../lib/base/terminal.ts";
import { LinuxFiles } from "../../../../../lib/platform/linux/files/mod.ts";

const Task = z.strictObject({
  path: z.string(),
  root: z.string(),
  steps: z.array(z.union([
    z.strictObject({ read: z.int(), length: z.int() }),
    /** The reply with the last piece has been sent. */
    z.literal("sent"),
    /** Somebody fills the file with this byte. */
    z.strictObject({ fill: z.int() }),
  ])),
});

const { path, root, steps } = z.parse(Task, JSON.parse(Deno.args[0] ?? ""));
const { signal } = new AbortController();
const files = new LinuxFiles();
const texts: (UnescapedBytes | string)[] = [];

for (const step of steps) {
  if (step === "sent") release();
  else if ("fill" in step) await fill(step.fill);
  else await read(step.read, step.length);
}
printLine(JSON.stringify(texts));
Deno.exit(0);

async function read(offset: number, length: number): Promise<void> {
  const file = await files.open({ path, root }, { access: "read", signal });
  using _file = file;
  const piece = await file.readAt(offset, length, signal);
  texts.push(piece.base64());
}

/** Copies the last piece, as the host gets it, and gives its buffer back. */
function release(): void {
  const last = texts.pop();
  if (last === undefined || typeof last === "string") return;
  texts.push(last.toJSON());
  last.release();
}

async function fill(byte: number): Promise<void> {
  const { size } = await Deno.stat(path);
  await Deno.writeFile(path, new Uint8Array(size).fill(byte));
}
