/**
 * Prints text for people on standard output and standard error.
 *
 * @module
 */

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

const writeAll = (target: Output, text: string) => writeBytes(target, encoder.encode(text));

/**
 * Prints a line on standard output.
 *
 * @throws {OutputClosed} if nobody reads it any more.
 */
export function printLine(text: string): void {
  try {
    writeAll(Deno.stdout, `${text}\n`);
  } catch (error) {
    throw error instanceof Deno.errors.BrokenPipe ? new OutputClosed(error.message) : error;
  }
}

/** Prints a line on standard error. */
export const printError = (text: string): void => writeAll(Deno.stderr, `${text}\n`);
