/**
 * Decodes a command's standard input from the request.
 *
 * @module
 */

import { invalidParams } from "../../lib/base/errors.ts";
import { Once } from "../../lib/base/memory/once.ts";
import { LONE_SURROGATE } from "../../lib/policy/paths.ts";

/** How bytes are represented in JSON. */
export type Encoding = "utf8" | "base64";

const INPUT_NAMES = { text: "input", encoding: "input_encoding" } as const;

/**
 * The bytes of `input`, which the parameters no longer hold then: the command may run for hours.
 *
 * @throws As {@link decodeInput}.
 */
export function takeInput(
  params: { input?: string | undefined; input_encoding: Encoding },
): Once<Uint8Array<ArrayBuffer>> | undefined {
  const bytes = decodeInput(params.input, params.input_encoding);
  params.input = undefined;
  return bytes && new Once(bytes);
}

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
