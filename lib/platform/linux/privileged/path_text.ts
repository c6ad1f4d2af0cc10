/**
 * Paths of the kernel as text, whatever bytes they have.
 *
 * A path is bytes without NUL, and text only if they are UTF-8. Each byte that is not becomes half of
 * a surrogate pair, which no UTF-8 contains, as in Python's `surrogateescape` (PEP 383). So two paths
 * never become the same text, and the bytes can be had back.
 *
 * @module
 */

const UTF8_OR_BYTE_REGEXP =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;
const ESCAPED_REGEXP = /[\udc80-\udcff]/gu;
const ESCAPE_BASE = 0xdc00;

const bytesOf = (binary: string) => Uint8Array.from(binary, (one) => one.charCodeAt(0));
const binaryOf = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

/** Text with paths in it, such as the mount table. */
export function textOfPaths(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return binaryOf(bytes).replace(
      UTF8_OR_BYTE_REGEXP,
      (found) =>
        found.length > 1
          ? decoder.decode(bytesOf(found))
          : String.fromCharCode(ESCAPE_BASE + found.charCodeAt(0)),
    );
  }
}

/** The bytes of a path that {@link textOfPaths} has returned. */
export function bytesOfPath(path: string): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  if (path.isWellFormed()) return encoder.encode(path);
  const bytes: number[] = [];
  let end = 0;
  for (const { 0: escaped, index } of path.matchAll(ESCAPED_REGEXP)) {
    bytes.push(...encoder.encode(path.slice(end, index)), escaped.charCodeAt(0) - ESCAPE_BASE);
    end = index + 1;
  }
  return Uint8Array.from([...bytes, ...encoder.encode(path.slice(end))]);
}
