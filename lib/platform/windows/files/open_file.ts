/**
 * An open regular file: read, written and hashed by its handle.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { base64Length, encodeBase64, type UnescapedBytes } from "../../../base/json_text.ts";
import { giveBuffer, takeBuffer } from "../../../base/memory/spare_buffers.ts";
import { sleep } from "../../../base/timer.ts";
import type { OpenFile, Piece } from "../../../guest/files.ts";
import type { Handle } from "../ffi/handle.ts";
import { ntdll, STATUS } from "../ffi/ntdll.ts";
import { FileError } from "./file_errors.ts";
import { closeHandle, informationOf } from "./nt_file.ts";
import { attempt, type RealFile } from "./real_file.ts";
import { Sha256 } from "./sha256.ts";

/** Bytes in one call, between two looks at the signal. */
const CHUNK_BYTES = 64 * 1024;
/** Calls between two turns of the event loop, so that others are served meanwhile. */
const CALLS_PER_TURN = 8;

/** Lets others be served every few calls. */
class Turns {
  #calls = 0;

  /** @throws The reason of `signal`. */
  async next(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (++this.#calls % CALLS_PER_TURN === 0) await sleep(0);
    signal.throwIfAborted();
  }
}

/** Reads at most a chunk; resolves to the number of bytes, 0 at the end of the file. */
function readChunk(handle: Handle, offset: number, into: Uint8Array<ArrayBuffer>): number {
  const done = new Uint32Array(4);
  const at = BigInt64Array.of(BigInt(offset));
  const length = into.byteLength;
  const status = ntdll.NtReadFile(handle, null, null, null, done, into, length, at, null);
  if (status === STATUS.END_OF_FILE) return 0;
  if (status !== STATUS.SUCCESS) throw new FileError("NtReadFile", status);
  return done[2] ?? 0;
}

/** Writes at most a chunk; returns the number of bytes. */
function writeChunk(handle: Handle, offset: number, from: Uint8Array<ArrayBuffer>): number {
  const done = new Uint32Array(4);
  const at = BigInt64Array.of(BigInt(offset));
  const length = from.byteLength;
  const status = ntdll.NtWriteFile(handle, null, null, null, done, from, length, at, null);
  if (status !== STATUS.SUCCESS) throw new FileError("NtWriteFile", status);
  return done[2] ?? 0;
}

/**
 * Writes all bytes at an offset.
 *
 * @throws {FileError} or the reason of `signal`.
 */
export async function writeAll(
  handle: Handle,
  offset: number,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const turns = new Turns();
  for (let done = 0; done < bytes.byteLength;) {
    // A copy: what may be lent to the system is memory of its own.
    const chunk = bytes.slice(done, done + CHUNK_BYTES);
    done += writeChunk(handle, offset + done, chunk);
    await turns.next(signal);
  }
}

/**
 * The SHA-256 of a part of an open file.
 *
 * @throws {RpcError} -32000 if the file changes meanwhile.
 */
export async function hashPart(
  { handle, info }: RealFile,
  path: string,
  { offset, length }: { readonly offset: number; readonly length: number },
  signal: AbortSignal,
): Promise<string> {
  const buffer = takeBuffer(CHUNK_BYTES);
  const hash = new Sha256();
  using _hash = hash;
  const turns = new Turns();
  let done = 0;
  try {
    while (done < length) {
      const wanted = buffer.subarray(0, Math.min(CHUNK_BYTES, length - done));
      const filled = readChunk(handle, offset + done, wanted);
      if (filled === 0) break;
      hash.add(wanted.subarray(0, filled));
      done += filled;
      await turns.next(signal);
    }
  } finally {
    giveBuffer(buffer);
  }
  const now = informationOf(handle);
  const hasChanged = done < length || now.sizeBytes !== info.sizeBytes ||
    now.modifiedMs !== info.modifiedMs;
  if (hasChanged) throw commandFailed(`${path} changed while it was being hashed`, { path });
  return hash.digest();
}

/** A verified file. */
export class WindowsFile implements OpenFile {
  readonly #real: RealFile;
  readonly #path: string;
  #buffer: Uint8Array<ArrayBuffer> | undefined;

  constructor(path: string, real: RealFile) {
    this.#path = path;
    this.#real = real;
  }

  get sizeBytes(): number {
    return this.#real.info.sizeBytes;
  }

  get identity(): string {
    return this.#real.info.identity;
  }

  get modifiedMs(): number {
    return this.#real.info.modifiedMs;
  }

  async readAt(offset: number, length: number, signal: AbortSignal): Promise<Piece> {
    if (this.#buffer !== undefined) giveBuffer(this.#buffer);
    const buffer = this.#buffer = takeBuffer(length);
    const turns = new Turns();
    let done = 0;
    while (done < length) {
      const wanted = buffer.subarray(done, Math.min(done + CHUNK_BYTES, length));
      const at = offset + done;
      const filled = attempt(
        this.#path,
        () => readChunk(this.#real.handle, at, wanted),
        "read",
      );
      if (filled === 0) break;
      done += filled;
      await turns.next(signal);
    }
    return new FilePiece(buffer.subarray(0, done));
  }

  async writeAt(offset: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await writeAll(this.#real.handle, offset, bytes, signal).catch((error) =>
      attempt(this.#path, () => {
        throw error;
      }, "written")
    );
  }

  sha256(offset: number, length: number, signal: AbortSignal): Promise<string> {
    return hashPart(this.#real, this.#path, { offset, length }, signal);
  }

  [Symbol.dispose](): void {
    if (this.#buffer !== undefined) giveBuffer(this.#buffer);
    this.#buffer = undefined;
    closeHandle(this.#real.handle);
  }
}

/** Some bytes of a file. */
class FilePiece implements Piece {
  #base64: UnescapedBytes | undefined;

  constructor(readonly bytes: Uint8Array) {}

  base64(): UnescapedBytes {
    if (this.#base64 !== undefined) return this.#base64;
    const target = takeBuffer(base64Length(this.bytes.byteLength));
    return this.#base64 = encodeBase64(this.bytes, target, () => giveBuffer(target));
  }
}
