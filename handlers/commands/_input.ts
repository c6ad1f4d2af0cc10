/**
 * Decodes a command's standard input from the request.
 *
 * @module
 */

import { invalidParams } from "../../lib/base/errors.ts";
import { LONE_SURROGATE } from "../../lib/policy/paths.ts";

/** How bytes are represented in JSON. */
export type Encoding = "utf8" | "base64";

/**
 * The bytes of `input`, or `undefined` if there are none to send.
 *
 * @throws {RpcError} -32602 for text that the encoding does not allow.
 */
export function decodeInput(
  input: string | undefined,
  encoding: Encoding,
): Uint8Array<ArrayBuffer> | undefined {
  if (input === undefined) return undefined;
  if (encoding === "utf8") {
    if (!input.isWellFormed()) {
      throw invalidParams(`input ${LONE_SURROGATE}; send the bytes as base64`);
    }
    return new TextEncoder().encode(input);
  }
  try {
    return Uint8Array.fromBase64(input);
  } catch {
    throw invalidParams("input must be base64, because input_encoding is base64");
  }
}
