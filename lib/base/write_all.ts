/**
 * Writes to what may accept fewer bytes than it is given: a socket, a pipe, a file.
 *
 * @module
 */

/** Something that bytes are written to. */
export interface ByteSink {
  /** Writes some of the bytes; resolves with how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Writes all bytes. */
export async function writeAll(sink: ByteSink, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.byteLength;) {
    written += await sink.write(bytes.subarray(written));
  }
}
