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

/** An open file, as it was when it was verified. */
export interface HashedFile extends RealFile {
  readonly path: string;
}

/**
 * Hashes a part of a file, as 64 hexadecimal digits.
 *
 * @throws {RpcError} -32000 if the file changes meanwhile.
 */
export async function hashPart(
  verified: HashedFile,
  { offset, length }: { readonly offset: number; readonly length: number },
  signal: AbortSignal,
): Promise<string> {
  const positioned = new PositionedFile(verified.file);
  const buffer = takeBuffer(CHUNK_BYTES);
  let done = 0;
  try {
    const digest = await sha256(async (chunk) => {
      const wanted = chunk.subarray(0, Math.min(chunk.byteLength, length - done));
      const filled = await positioned.readAt(offset + done, wanted, signal);
      done += filled;
      return filled;
    }, { buffer: buffer.subarray(0, CHUNK_BYTES), signal });
    if (done < length) throw changed(verified.path);
    refuseChanged(verified);
    return digest;
  } finally {
    giveBuffer(buffer);
  }
}

/** @throws {RpcError} -32000 if the file has changed since it was verified. */
export function refuseChanged({ file, info, path }: HashedFile): void {
  const { size, mtime } = file.statSync();
  const isSame = size === info.size && mtime?.getTime() === info.mtime?.getTime();
  if (!isSame) throw changed(path);
}

const changed = (path: string) =>
  commandFailed(`${path} changed while it was being hashed`, { path });
