import type { Measure } from "../measure.ts";
import { PIECE_BYTES } from "../peer.ts";
import type { Scratch } from "../scratch.ts";
import type { Started } from "../start.ts";
import { median } from "../stats.ts";
import { timeEach } from "./latency.ts";

const FILE_BYTES = 10_000_000;
const RANDOM_BYTES = 65_536;
const BYTES_PER_MB = 1_000_000;
const MS_PER_SECOND = 1000;

/** After one that is not measured; a single one may meet a collection or another process. */
const TRANSFERS = 5;

/** The middle rate of several transfers by {@link readOnce} or {@link writeOnce}, in MB/s. */
export async function transferRate(transfer: () => Promise<number>): Promise<number> {
  await transfer();
  const times: number[] = [];
  for (let count = 0; count < TRANSFERS; count++) times.push(await transfer());
  return FILE_BYTES / BYTES_PER_MB / median(times) * MS_PER_SECOND;
}

/** Ten megabytes read in pieces. */
export const fileRead: Measure = {
  name: "file read",
  rows: [{
    label: "file read, 10 MB in pieces of 48 kB",
    unit: "MB/s",
    digits: 1,
    limit: { kind: "ratio at least", factor: 1.5 },
    inReadme: true,
  }],
  run: async (started) => ({
    "file read, 10 MB in pieces of 48 kB": await transferRate(() => readOnce(started)),
  }),
};

/** Ten megabytes written in pieces. */
export const fileWrite: Measure = {
  name: "file write",
  rows: [{
    label: "file write, 10 MB in pieces of 48 kB",
    unit: "MB/s",
    digits: 1,
    limit: { kind: "ratio at least", factor: 2 },
    inReadme: true,
  }],
  run: async (started) => ({
    "file write, 10 MB in pieces of 48 kB": await transferRate(() => writeOnce(started)),
  }),
};

const WHOLE_WRITES = { warmUp: 20, measured: 200 } as const;

/** Small files, each written by a single request; qemu-ga needs three. */
export const wholeWrite: Measure = {
  name: "whole write",
  rows: [{
    label: "whole file of 48 kB written",
    unit: "µs",
    limit: { kind: "ratio at most", factor: 1 },
    inReadme: true,
  }],
  run: async ({ speech, scratch }) => {
    const path = scratch.newPath();
    const bytes = randomBytes().subarray(0, PIECE_BYTES);
    const content = bytes.toBase64();
    const times = await timeEach(() => speech.writeWhole(path, content), WHOLE_WRITES);
    assertSame(await Deno.readFile(path), bytes, "the written file differs from what was sent");
    await Deno.remove(path);
    return { "whole file of 48 kB written": median(times) };
  },
};

/** Reads a new random file through the agent and compares it; returns milliseconds. */
export async function readOnce(
  { speech, scratch }: Started,
  pieceBytes?: number,
): Promise<number> {
  const { path, bytes } = await randomFile(scratch);
  const start = performance.now();
  const content = await speech.readFile(path, bytes.byteLength, pieceBytes);
  const tookMs = performance.now() - start;
  await Deno.remove(path);
  assertSame(content(), bytes, "the content that was read differs from the file on disk");
  return tookMs;
}

/** Writes a new random file through the agent and compares it; returns milliseconds. */
export async function writeOnce(
  { speech, scratch }: Started,
  pieceBytes = PIECE_BYTES,
): Promise<number> {
  const bytes = randomBytes();
  const path = scratch.newPath();
  const pieces: string[] = [];
  for (let offset = 0; offset < bytes.byteLength; offset += pieceBytes) {
    pieces.push(bytes.subarray(offset, offset + pieceBytes).toBase64());
  }
  const start = performance.now();
  await speech.writeFile(path, pieces);
  const tookMs = performance.now() - start;
  const written = await Deno.readFile(path);
  await Deno.remove(path);
  assertSame(written, bytes, "the written file differs from what was sent");
  return tookMs;
}

function randomBytes(): Uint8Array {
  const bytes = new Uint8Array(FILE_BYTES);
  for (let offset = 0; offset < FILE_BYTES; offset += RANDOM_BYTES) {
    crypto.getRandomValues(bytes.subarray(offset, offset + RANDOM_BYTES));
  }
  return bytes;
}

async function randomFile(scratch: Scratch): Promise<{ path: string; bytes: Uint8Array }> {
  const [path, bytes] = [scratch.newPath(), randomBytes()];
  await Deno.writeFile(path, bytes);
  return { path, bytes };
}

function assertSame(actual: Uint8Array, expected: Uint8Array, message: string): void {
  const isSame = actual.byteLength === expected.byteLength &&
    actual.every((byte, index) => byte === expected[index]);
  if (!isSame) throw new Error(message);
}
