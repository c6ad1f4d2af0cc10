/**
 * What the parser makes of bytes, however they are cut into chunks.
 *
 * @module
 */

import {
  MESSAGE_LIMITS,
  type MessageLimits,
  StreamParser,
} from "../../../../lib/dialects/qga/parser.ts";

/** A value, as the JSON that it is written back as, or an error. */
export type Parsed = { readonly json: string } | { readonly error: string };

/** Text as UTF-8; `\xff` written as `ÿ` is not possible here: use bytes. */
export const bytesOf = (...parts: readonly (string | number)[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === "number" ? [part] : [...new TextEncoder().encode(part)]
    ),
  );

/** Parses the chunks, one after the other. */
export function parseChunks(
  chunks: Iterable<Uint8Array>,
  limits: MessageLimits = MESSAGE_LIMITS,
): Parsed[] {
  const parsed: Parsed[] = [];
  const parser = new StreamParser(limits);
  for (const chunk of chunks) {
    // The parser may not keep the buffer, which is used again.
    const lent = chunk.slice();
    parser.push(lent, {
      onValue: (value) => {
        parsed.push({ json: JSON.stringify(value) });
        return false;
      },
      onError: (error) => parsed.push({ error }),
    });
    lent.fill(0x7b);
  }
  return parsed;
}

/** The bytes in chunks of the given size. */
export function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += size) {
    yield bytes.subarray(start, start + size);
  }
}
