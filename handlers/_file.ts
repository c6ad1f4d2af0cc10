/**
 * What the file methods share.
 *
 * @module
 */

/** The unit of `max_file_size_mb`. */
export const BYTES_PER_MB = 1024 * 1024;

const seekTo = (file: Deno.FsFile, offset: number) => file.seekSync(offset, Deno.SeekMode.Start);

/** Reads up to `length` bytes from `offset` on; fewer only where the file ends before. */
export async function readAt(
  file: Deno.FsFile,
  offset: number,
  length: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  seekTo(file, offset);
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    signal.throwIfAborted();
    const read = await file.read(bytes.subarray(filled));
    if (read === null) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

/** Writes all bytes from `offset` on. */
export async function writeAt(
  file: Deno.FsFile,
  offset: number,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  seekTo(file, offset);
  for (let written = 0; written < bytes.byteLength;) {
    signal.throwIfAborted();
    written += await file.write(bytes.subarray(written));
  }
}
