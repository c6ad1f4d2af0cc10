/**
 * Decodes a command's standard input from the request.
 *
 * @module
 */

import { invalidParams } from "../../lib/base/errors.ts";
import { LONE_SURROGATE } from "../../lib/policy/paths.ts";

/** How bytes are represented in JSON. */
export type Encoding = "utf8" | "base64";

const INPUT_NAMES = { text: "input", encoding: "input_encoding" } as const;

/**
 * The bytes of `input`, or `undefined` if there are none to send.
 *
 * @param names The parameters, for the error.
 * @throws {RpcError} -32602 for text that the encoding does not allow.
 */
export function decodeInput(
  input: string | undefined,
  encoding: Encoding,
  names: { readonly text: string; readonly encoding: string } = INPUT_NAMES,
): Uint8Array<ArrayBuffer> | undefined {
  if (input === undefined) return undefined;
  if (encoding === "utf8") {
    if (!input.isWellFormed()) {
      throw invalidParams(`${names.text} ${LONE_SURROGATE}; send the bytes as base64`);
    }
    return new TextEncoder().encode(input);
  }
  try {
    return Uint8Array.fromBase64(input);
  } catch {
    throw invalidParams(`${names.text} must be base64, because ${names.encoding} is base64`);
  }
}
