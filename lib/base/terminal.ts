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

const writeAll = (target: Output, text: string) => writeBytes(target, encoder.encode(text));

/** Prints a line on standard output. */
export const printLine = (text: string): void => writeAll(Deno.stdout, `${text}\n`);

/** Prints a line on standard error. */
export const printError = (text: string): void => writeAll(Deno.stderr, `${text}\n`);
