/**
 * Printing for people, on standard output and standard error.
 *
 * @module
 */

const encoder = new TextEncoder();

function writeAll(target: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  for (let sent = 0; sent < bytes.byteLength;) sent += target.writeSync(bytes.subarray(sent));
}

/** Prints a line on standard output. */
export const printLine = (text: string): void => writeAll(Deno.stdout, `${text}\n`);

/** Prints a line on standard error. */
export const printError = (text: string): void => writeAll(Deno.stderr, `${text}\n`);
