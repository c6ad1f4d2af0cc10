/**
 * Reads pieces of one file as requests would and tells what they were: JSON in, JSON out. It is a
 * process of its own because proving a path changes the working directory of the whole process.
 *
 * @module
 */

import * as z from "zod";
import type { PlainText } from "../../../../../lib/base/json_text.ts";
import { BorrowedFile } from "../../../../../lib/platform/linux/files/kept_files.ts";
import { printLine } from "../../../../../lib/base/terminal.ts";

const Task = z.strictObject({
  path: z.string(),
  root: z.string(),
  steps: z.array(z.union([
    z.strictObject({ read: z.int(), length: z.int() }),
    /** The answer with the piece that was read last leaves. */
    z.literal("answered"),
    /** Somebody fills the file with this byte. */
    z.strictObject({ fill: z.int() }),
  ])),
});

const { path, root, steps } = z.parse(Task, JSON.parse(Deno.args[0] ?? ""));
const { signal } = new AbortController();
const texts: (PlainText | string)[] = [];
let goOn = () => {};

for (const step of steps) {
  if (step === "answered") goOn();
  else if ("fill" in step) await fill(step.fill);
  else await read(step.read, step.length);
}
printLine(JSON.stringify(texts));
Deno.exit(0);

async function read(offset: number, length: number): Promise<void> {
  const borrowed = await BorrowedFile.take({ path, root }, "read", signal);
  using _borrowed = borrowed;
  const piece = await borrowed.readAt(offset, length, signal);
  texts.push(borrowed.base64Of(piece));
  const index = texts.length - 1;
  goOn = () => {
    // As the host has it now; the buffer is the agent's again.
    texts[index] = borrowed.base64Of(piece).toJSON();
    borrowed.goOn(piece);
  };
}

async function fill(byte: number): Promise<void> {
  const { size } = await Deno.stat(path);
  await Deno.writeFile(path, new Uint8Array(size).fill(byte));
}
