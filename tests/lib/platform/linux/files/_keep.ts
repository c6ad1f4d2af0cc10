/**
 * Reads pieces of one file as requests would and prints them: JSON in, JSON out. It is a separate
 * process because proving a path changes the working directory of the whole process.
 *
 * @module
 */

import * as z from "zod";
import type { UnescapedBytes } from "../../../../../lib/base/json_text.ts";
import { printLine } from "../../../../../lib/base/terminal.ts";
import type { OpenFile } from "../../../../../lib/guest/files.ts";
import { until } from "../../../../_waiting.ts";
import { LinuxFiles } from "../../../../../lib/platform/linux/files/mod.ts";

const Task = z.strictObject({
  path: z.string(),
  root: z.string(),
  steps: z.array(z.union([
    z.strictObject({ read: z.int(), length: z.int() }),
    /** Requests for these pieces arrive at the same time. */
    z.strictObject({ together: z.array(z.int()), length: z.int() }),
    /** The same piece is read while somebody has the file and does not give it back. */
    z.strictObject({ beside: z.int(), length: z.int() }),
    /** A request takes a piece that was read ahead, once it is there. */
    z.strictObject({ ahead: z.int(), length: z.int() }),
    /** A request would take such a piece, while somebody has the file. */
    z.literal("held"),
    /** The same, now that the name stands for another file. */
    z.literal("replaced"),
    /** A request waits for the file that another one has, and is cancelled. */
    z.literal("cancelled"),
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
/** What requests got: the same again if they shared it. */
const opened = new Set<OpenFile>();

for (const step of steps) {
  if (step === "sent") release();
  else if (step === "cancelled") await cancelWhileWaiting();
  else if (step === "held") await askWhileHeld();
  else if (step === "replaced") await askAfterReplacing();
  else if ("ahead" in step) await readAhead(step.ahead, step.length);
  else if ("fill" in step) await fill(step.fill);
  else if ("together" in step) {
    await Promise.all(step.together.map(async (offset) => {
      await read(offset, step.length);
      release();
    }));
  } else if ("beside" in step) {
    const holder = await files.open({ path, root }, { access: "read", signal });
    using _holder = holder;
    opened.add(holder);
    await read(step.beside, step.length);
  } else await read(step.read, step.length);
}
printLine(JSON.stringify({ texts, opened: opened.size }));
Deno.exit(0);

async function read(offset: number, length: number): Promise<void> {
  const file = await files.open({ path, root }, { access: "read", signal });
  using _file = file;
  opened.add(file);
  const piece = await file.readAt(offset, length, signal);
  texts.push(piece.base64());
}

async function readAhead(offset: number, length: number): Promise<void> {
  const taken = () => {
    const file = files.openAgain({ path, root });
    using _file = file;
    if (file === undefined) return undefined;
    opened.add(file);
    return file.readAhead?.(offset, length)?.base64();
  };
  let base64: UnescapedBytes | undefined;
  await until(() => (base64 = taken()) !== undefined, "a piece that was read ahead");
  if (base64 !== undefined) texts.push(base64);
}

async function askWhileHeld(): Promise<void> {
  const holder = await files.open({ path, root }, { access: "read", signal });
  using _holder = holder;
  texts.push(files.openAgain({ path, root }) === undefined ? "not open" : "open");
}

async function askAfterReplacing(): Promise<void> {
  await Deno.copyFile(path, `${path}.copy`);
  await Deno.rename(`${path}.copy`, path);
  texts.push(files.openAgain({ path, root }) === undefined ? "not open" : "open");
}

async function cancelWhileWaiting(): Promise<void> {
  const holder = await files.open({ path, root }, { access: "read", signal });
  using _holder = holder;
  opened.add(holder);
  const controller = new AbortController();
  const opening = files.open({ path, root }, { access: "read", signal: controller.signal });
  controller.abort(new Error("cancelled"));
  texts.push(await opening.then(() => "opened", String));
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
