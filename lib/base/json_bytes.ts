/**
 * UTF-8 as the inside of a JSON string, from bytes to bytes.
 *
 * As a string, 64 kB of output would be decoded to two bytes a character, measured, cut, and written
 * again by `JSON.stringify()` in a buffer eight times as large, all of which lives until a full
 * garbage collection. The pieces here die young.
 *
 * @module
 */

import { fitText } from "./json_text.ts";

const PIECE_BYTES = 4096;

const encoder = new TextEncoder();

/** What was written. */
export interface EscapedText {
  /** Bytes at the beginning of the target. */
  readonly length: number;
  /** Whether all of the text fitted. */
  readonly isWhole: boolean;
}

/**
 * Writes UTF-8 as the inside of a JSON string: as many whole characters as fit into the target. Bytes
 * that are not UTF-8 become U+FFFD.
 *
 * @param isCut Whether the bytes may end within a character, which is then left out.
 */
export function escapeUtf8(
  bytes: Uint8Array,
  target: Uint8Array<ArrayBuffer>,
  { isCut }: { readonly isCut: boolean },
): EscapedText {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let length = 0;
  for (let start = 0; start < bytes.byteLength; start += PIECE_BYTES) {
    const end = start + PIECE_BYTES;
    const stream = isCut || end < bytes.byteLength;
    const text = decoder.decode(bytes.subarray(start, end), { stream });
    const room = target.subarray(length);
    const json = insideOf(text);
    const { read, written } = encoder.encodeInto(json, room);
    if (read < json.length) {
      const fitting = insideOf(fitText(text, room.byteLength));
      return { length: length + encoder.encodeInto(fitting, room).written, isWhole: false };
    }
    length += written;
  }
  return { length, isWhole: true };
}

const insideOf = (text: string) => JSON.stringify(text).slice(1, -1);
