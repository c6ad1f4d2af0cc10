/**
 * Answers of the QEMU guest agent's language: one line of ASCII each.
 *
 * @module
 */

import type { RpcError } from "../../base/errors.ts";
import { UnescapedBytes } from "../../base/json_text.ts";
import type { Part } from "../../channel/dialect.ts";

/** The two classes that clients tell apart: libvirt skips a command that was not found. */
type ErrorClass = "CommandNotFound" | "GenericError";

/** Precedes the answer to `guest-sync-delimited`; in no UTF-8, so it ends whatever came before. */
export const DELIMITER: Uint8Array = Uint8Array.of(0xff);

const MAX_DESCRIPTION = 1000;
const MAX_SHOWN_NAME = 100;

const hexOf = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** JSON without a character beyond ASCII. */
function asciiJson(value: unknown): string {
  const text = JSON.stringify(value);
  return /[^\x20-\x7e]/.test(text) ? text.replace(/[^\x20-\x7e]/g, hexOf) : text;
}

const idMember = (id: unknown): string => id === undefined ? "" : `,"id":${asciiJson(id)}`;

const isUnescaped = (entry: [string, unknown]): entry is [string, UnescapedBytes] =>
  entry[1] instanceof UnescapedBytes;

/** The answer to a command that succeeded, with its line's end. */
export function resultReply(id: unknown, result: unknown): readonly Part[] {
  const isObject = typeof result === "object" && result !== null && !Array.isArray(result);
  const unescaped = isObject ? Object.entries(result).find(isUnescaped) : undefined;
  if (unescaped === undefined) return [`{"return":${asciiJson(result)}${idMember(id)}}\n`];
  const [name, content] = unescaped;
  const rest = asciiJson({ ...Object(result), [name]: undefined }).slice(1);
  return [
    `{"return":{${asciiJson(name)}:"`,
    content,
    `"${rest === "}" ? "" : ","}${rest}${idMember(id)}}\n`,
  ];
}

/** An answer that is an error, with its line's end. */
export function errorText(
  description: string,
  id?: unknown,
  errorClass: ErrorClass = "GenericError",
): string {
  const desc = description.slice(0, MAX_DESCRIPTION);
  return `{"error":${asciiJson({ class: errorClass, desc })}${idMember(id)}}\n`;
}

/** The answer to a command that was refused or failed. */
export function failureText(command: string, { kind, data }: RpcError, id: unknown): string {
  // A group that is off, or frozen file systems: clients skip a command that does not exist, and
  // give up at other errors.
  if (data.group !== undefined || data.frozen === true) {
    return errorText(data.reason, id, "CommandNotFound");
  }
  if (kind !== "methodNotFound") return errorText(data.reason, id);
  // The executor tells which name it does not know; a command says by itself why it is off.
  const isUnknown = data.method !== undefined;
  const name = command.slice(0, MAX_SHOWN_NAME);
  const description = isUnknown ? `The command ${name} has not been found` : data.reason;
  return errorText(description, id, "CommandNotFound");
}
