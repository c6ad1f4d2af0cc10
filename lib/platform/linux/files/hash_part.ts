/**
 * The SHA-256 of a part of an open file.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { giveBuffer, takeBuffer } from "../../../base/memory/spare_buffers.ts";
import { PositionedFile } from "../../positioned_file.ts";
import type { RealFile } from "./real_file.ts";
import { sha256 } from "./sha256.ts";

/** Bytes in memory at a time. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Hashes a part of a file, as 64 hexadecimal digits.
 *
 * @throws {RpcError} -32000 if the file changes meanwhile.
 */
export async function hashPart(
  { file, path, info }: RealFile & { readonly path: string },
  { offset, length }: { readonly offset: number; readonly length: number },
  signal: AbortSignal,
): Promise<string> {
  const positioned = new PositionedFile(file);
  const buffer = takeBuffer(CHUNK_BYTES);
  let done = 0;
  try {
    const digest = await sha256(async (chunk) => {
      const wanted = chunk.subarray(0, Math.min(chunk.byteLength, length - done));
      const filled = await positioned.readAt(offset + done, wanted, signal);
      done += filled;
      return filled;
    }, { buffer: buffer.subarray(0, CHUNK_BYTES), signal });
    const now = file.statSync();
    const hasChanged = done < length || now.size !== info.size ||
      now.mtime?.getTime() !== info.mtime?.getTime();
    if (!hasChanged) return digest;
  } finally {
    giveBuffer(buffer);
  }
  throw commandFailed(`${path} changed while it was being hashed`, { path });
}
