/**
 * What the file methods share.
 *
 * @module
 */

import * as z from "zod";
import { commandFailed } from "../../lib/base/errors.ts";
import { readFully } from "../../lib/platform/linux/files/kept_files.ts";
import { sha256 } from "../../lib/platform/linux/files/sha256.ts";
import { giveBuffer, takeBuffer } from "../../lib/base/memory/spare_buffers.ts";

/** The unit of `max_file_size_mb`. */
export const BYTES_PER_MB = 1024 * 1024;

const DEFAULT_MODE = 0o644;
const ALL_BITS = 0o777;

/** The parameter `permissions`. */
export const Permissions = z.string().check(
  z.refine((text) => /^0?[0-7]{3}$/.test(text), "must be three or four octal digits up to 0777"),
);

/** The mode that a file gets: what is asked for, else that of the one it replaces, else 0644. */
export function modeFor(permissions: string | undefined, existing?: Deno.FileInfo): number {
  if (permissions !== undefined) return Number.parseInt(permissions, 8);
  return (existing?.mode ?? DEFAULT_MODE) & ALL_BITS;
}

/** What passes through memory at once while a file is hashed. */
const HASH_CHUNK_BYTES = 64 * 1024;

/**
 * Refuses a file that is larger than the configuration lets through.
 *
 * @throws {RpcError} -32000
 */
export function refuseOversized(path: string, size: number, limitMb: number): void {
  if (size <= limitMb * BYTES_PER_MB) return;
  const reason = `${path} has ${size} bytes, over max_file_size_mb ${limitMb}`;
  throw commandFailed(reason, { path, size_bytes: size });
}

/** A file that has been opened and proven. */
export interface OpenFile {
  readonly file: Deno.FsFile;
  readonly path: string;
  /** As it was when it was opened. */
  readonly info: Deno.FileInfo;
}

/**
 * The SHA-256 of a part of a file that stays as it is meanwhile.
 *
 * @throws {RpcError} -32000 when the file is written to or cut off in the meantime.
 */
export async function hashFile(
  { file, path, info }: OpenFile,
  { offset, length }: { readonly offset: number; readonly length: number },
  signal: AbortSignal,
): Promise<string> {
  const scratch = new Scratch(HASH_CHUNK_BYTES);
  using _scratch = scratch;
  let done = 0;
  const digest = await sha256(async (buffer) => {
    const wanted = buffer.subarray(0, Math.min(buffer.byteLength, length - done));
    const filled = await readFully(file, offset + done, wanted, signal);
    done += filled;
    return filled;
  }, scratch.bytes);
  const now = file.statSync();
  const hasChanged = done < length || now.size !== info.size ||
    now.mtime?.getTime() !== info.mtime?.getTime();
  if (!hasChanged) return digest;
  throw commandFailed(`${path} was written to while it was read, its hash means nothing`, { path });
}

/** Bytes to work with, given back when disposed of. */
export class Scratch implements Disposable {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #buffer: Uint8Array<ArrayBuffer>;

  /** @param size How many bytes are needed. */
  constructor(size: number) {
    this.#buffer = takeBuffer(size);
    this.bytes = this.#buffer.subarray(0, size);
  }

  [Symbol.dispose](): void {
    giveBuffer(this.#buffer);
  }
}
