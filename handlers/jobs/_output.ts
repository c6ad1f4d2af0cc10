/**
 * Converts the output of a job for the reply.
 *
 * @module
 */

import {
  base64Capacity,
  base64Length,
  encodeBase64,
  UnescapedBytes,
} from "../../lib/base/json_text.ts";
import { countGarbage } from "../../lib/base/memory/garbage.ts";
import { giveBuffer, takeBuffer } from "../../lib/base/memory/spare_buffers.ts";
import { streamOf } from "../../lib/core/jobs/job.ts";
import type { SpoolPiece, SpoolReadOptions } from "../../lib/guest/state.ts";
import type { Encoding } from "../commands/_input.ts";

/** JSON of an element of the list besides its data, in bytes. */
const ELEMENT_BYTES = 40;
/** The most bytes of JSON that a byte takes as text: a control character as `\u0001`. */
const MAX_TEXT_BYTES = 6;
/** A UTF-8 character has at most this many bytes after its first. */
const MAX_CONTINUATION_BYTES = 3;
/** Decoded text is kept twice, in two bytes per character. */
const TEXT_GARBAGE = 4;

/** One element of the output. */
export interface OutputRun {
  readonly stream: "stdout" | "stderr" | "tty";
  readonly data: string | UnescapedBytes;
}

/** How much to read so that its JSON takes at most `room` bytes, whatever the output is. */
export function readOptions(
  encoding: Encoding,
  room: number,
  maxBytes = Infinity,
): SpoolReadOptions {
  const [capacity, bytesPerRun] = encoding === "base64"
    // Each run is padded to a multiple of four characters.
    ? [base64Capacity(room), base64Capacity(ELEMENT_BYTES) + 3]
    : [Math.floor(room / MAX_TEXT_BYTES), Math.ceil(ELEMENT_BYTES / MAX_TEXT_BYTES)];
  return { maxBytes: Math.min(maxBytes + bytesPerRun, capacity), bytesPerRun };
}

/**
 * The elements for a piece in base64. The piece is released.
 *
 * @param onReleased Called once the elements have been sent or dropped.
 */
export function encodeBase64Output(piece: SpoolPiece, onReleased: () => void): OutputRun[] {
  const { runs } = piece;
  const last = runs.length - 1;
  const output = runs.map(({ kind, bytes }, index) => ({
    stream: streamOf(kind),
    data: base64(bytes, index === last ? onReleased : undefined),
  }));
  piece.release();
  return output;
}

/** Reports that elements have been sent, or will not be. */
export function releaseOutput(runs: readonly OutputRun[]): void {
  for (const { data } of runs) if (data instanceof UnescapedBytes) data.release();
}

/**
 * The elements for a piece as text, and where to read next. The piece is released.
 *
 * @param mayGrow Whether more output follows, or may follow: a character that is cut off at the end
 * is left for the next piece.
 */
export function encodeTextOutput(
  piece: SpoolPiece,
  mayGrow: boolean,
): { readonly output: OutputRun[]; readonly next: number } {
  const { runs, next } = piece;
  const last = runs.at(-1);
  const cut = mayGrow && last !== undefined ? incompleteBytes(last.bytes) : 0;
  // A piece with nothing else is returned as it is: otherwise nobody would get further.
  const left = runs.length === 1 && cut === last?.bytes.byteLength ? 0 : cut;
  const output = runs.map(({ kind, bytes }, index) => ({
    stream: streamOf(kind),
    data: textOf(index === runs.length - 1 ? bytes.subarray(0, bytes.byteLength - left) : bytes),
  }));
  piece.release();
  return { output: output.filter(({ data }) => data !== ""), next: next - left };
}

function base64(bytes: Uint8Array, onReleased?: () => void): UnescapedBytes {
  const target = takeBuffer(base64Length(bytes.byteLength));
  return encodeBase64(bytes, target, () => {
    giveBuffer(target);
    onReleased?.();
  });
}

function textOf(bytes: Uint8Array): string {
  countGarbage(bytes.byteLength * TEXT_GARBAGE);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** How many bytes at the end are the beginning of a character. */
function incompleteBytes(bytes: Uint8Array): number {
  const { byteLength } = bytes;
  for (let back = 1; back <= Math.min(MAX_CONTINUATION_BYTES, byteLength); back++) {
    const byte = bytes[byteLength - back] ?? 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
    if (byte < 0x80) return 0;
  }
  return 0;
}
