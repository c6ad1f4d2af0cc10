/**
 * Base64 as clients of the QEMU guest agent send it: with line breaks, and perhaps no padding.
 *
 * @module
 */

import { countGarbage } from "../../lib/base/memory/garbage.ts";
import { invalidParams } from "../../lib/base/errors.ts";

/** What `fromBase64` skips and qemu-ga refuses. */
const REFUSED_SPACES = [" ", "\t", "\r", "\f"];

/**
 * The bytes; an incomplete last group is dropped, as qemu-ga does.
 *
 * @param parameter Its name, for the refusal.
 * @throws {RpcError} for anything outside the alphabet but line breaks.
 */
export function decodeBase64(text: string, parameter: string): Uint8Array<ArrayBuffer> {
  const refuse = () => invalidParams(`Invalid base64 in parameter '${parameter}'`);
  if (REFUSED_SPACES.some((space) => text.includes(space))) throw refuse();
  try {
    const bytes = Uint8Array.fromBase64(text, { lastChunkHandling: "stop-before-partial" });
    countGarbage(bytes.byteLength);
    return bytes;
  } catch {
    throw refuse();
  }
}
