/**
 * Base64 as clients of the QEMU guest agent send it: with line breaks, and perhaps no padding.
 *
 * @module
 */

import { invalidParams } from "../../lib/base/errors.ts";
import { countGarbage } from "../../lib/base/memory/garbage.ts";
import type { LongText } from "../../lib/base/memory/long_text.ts";
import { giveBuffer, takeBuffer } from "../../lib/base/memory/spare_buffers.ts";

/** The most that is decoded at once; whole groups, so that only the last piece is shorter. */
const PIECE_BYTES = 3 * 32 * 1024;

/** What a step of a long text decodes: a string that is freed young. */
const STEP_BYTES = PIECE_BYTES / 4;
const STEP_CHARACTERS = STEP_BYTES / 3 * 4;

/** What `fromBase64` skips and qemu-ga refuses. */
const REFUSED_SPACES = [" ", "\t", "\r", "\f"];

/**
 * The bytes; an incomplete last group is dropped, as qemu-ga does.
 *
 * @param parameter Its name, for the refusal.
 * @throws {RpcError} for anything outside the alphabet but line breaks.
 */
export function decodeBase64(text: string, parameter: string): Uint8Array<ArrayBuffer> {
  checkSpaces(text, parameter);
  try {
    const bytes = Uint8Array.fromBase64(text, OPTIONS);
    countGarbage(bytes.byteLength);
    return bytes;
  } catch {
    throw invalid(parameter);
  }
}

/** What a text stands for, decoded piece by piece: a megabyte of it is never in memory at once. */
export interface Decoded {
  readonly byteLength: number;
  /** The bytes in order; each piece is only valid until the next one. */
  pieces(): Iterable<Uint8Array<ArrayBuffer>>;
  /** Gives its memory back; nothing of it may be used afterwards. */
  release(): void;
}

/**
 * As {@link decodeBase64}, in pieces. The whole text has been checked when it returns.
 *
 * @throws {RpcError} As {@link decodeBase64}.
 */
export function decodeInPieces(text: string | LongText, parameter: string): Decoded {
  checkSpaces(text, parameter);
  // A group of four characters is three bytes, besides line breaks.
  const buffer = takeBuffer(Math.min(PIECE_BYTES, Math.ceil(text.length / 4) * 3));
  const bytes = buffer.subarray(0, PIECE_BYTES);
  let byteLength = 0;
  try {
    for (const piece of piecesOf(text, bytes)) byteLength += piece.byteLength;
  } catch {
    giveBuffer(buffer);
    throw invalid(parameter);
  }
  return { byteLength, pieces: () => piecesOf(text, bytes), release: () => giveBuffer(buffer) };
}

const OPTIONS = { lastChunkHandling: "stop-before-partial" } as const;

function* piecesOf(
  text: string | LongText,
  bytes: Uint8Array<ArrayBuffer>,
): Generator<Uint8Array<ArrayBuffer>> {
  if (typeof text !== "string") return yield* piecesOfLong(text, bytes);
  for (let start = 0; start < text.length;) {
    const { read, written } = bytes.setFromBase64(text.slice(start), OPTIONS);
    if (written > 0) yield bytes.subarray(0, written);
    if (read === 0) return;
    start += read;
  }
}

/** It has no line breaks, since those would be escapes: each step is of whole groups. */
function* piecesOfLong(
  text: LongText,
  bytes: Uint8Array<ArrayBuffer>,
): Generator<Uint8Array<ArrayBuffer>> {
  const { length } = text;
  let filled = 0;
  for (let start = 0; start < length; start += STEP_CHARACTERS) {
    const end = Math.min(start + STEP_CHARACTERS, length);
    const step = text.slice(start, end);
    const { written } = bytes.subarray(filled).setFromBase64(step, OPTIONS);
    // Padding ends a text, and `setFromBase64` skips spaces.
    const isWhole = end < length ? written === STEP_BYTES : !step.includes(" ");
    if (!isWhole) throw new SyntaxError("a space, or padding before the end");
    filled += written;
    if (filled + STEP_BYTES <= bytes.byteLength && end < length) continue;
    if (filled > 0) yield bytes.subarray(0, filled);
    filled = 0;
  }
}

const invalid = (parameter: string) => invalidParams(`Invalid base64 in parameter '${parameter}'`);

/** Those of a long text are found in its steps; it has no other. */
function checkSpaces(text: string | LongText, parameter: string): void {
  if (typeof text !== "string") return;
  if (REFUSED_SPACES.some((space) => text.includes(space))) throw invalid(parameter);
}
