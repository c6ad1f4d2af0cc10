/**
 * Prints text for people on standard output and standard error.
 *
 * @module
 */

import { messageOf } from "./message_of.ts";

const encoder = new TextEncoder();

/** Standard output or standard error. */
export interface Output {
  writeSync(bytes: Uint8Array): number;
}

/** Writes all bytes, in as many writes as needed. */
export function writeBytes(target: Output, bytes: Uint8Array): void {
  for (let sent = 0; sent < bytes.byteLength;) sent += target.writeSync(bytes.subarray(sent));
}

/** What reads standard output has closed it, for example `head`: it has what it wanted. */
export class OutputClosed extends Deno.errors.BrokenPipe {}

/** Standard output could not be written, for example to a full disk. The message is for a person. */
export class OutputFailed extends Error {
  override readonly name = "OutputFailed";
}

const writeAll = (target: Output, text: string) => writeBytes(target, encoder.encode(text));

/**
 * Prints a line on standard output.
 *
 * @throws {OutputClosed} if nobody reads it any more.
 * @throws {OutputFailed} if it could not be written.
 */
export function printLine(text: string): void {
  try {
    writeAll(Deno.stdout, `${text}\n`);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed(error.message);
    throw new OutputFailed(`standard output cannot be written: ${messageOf(error)}`);
  }
}

/** Prints a line on standard error. */
export const printError = (text: string): void => writeAll(Deno.stderr, `${text}\n`);
