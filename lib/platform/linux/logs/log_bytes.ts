/**
 * The bytes of one of a log's files, compressed or not.
 *
 * @module
 */

import { countChild, countGarbage, countPipeRead } from "../../../base/memory/garbage.ts";
import type { OpenFile } from "../../../guest/files.ts";
import { signalGroup } from "../processes/process_group.ts";
import { scriptArgs } from "../programs.ts";
import { spawnShell } from "../shell_child.ts";

/** Bytes read at a time. */
export const CHUNK_BYTES = 64 * 1024;
const NEVER_ABORTED = new AbortController().signal;

/** One of a log's files, open for reading from its beginning to its end. */
export interface LogBytes extends AsyncDisposable {
  /** As in {@link OpenFile}. */
  readonly identity: string;
  readonly modifiedMs: number;
  /** Why its end is missing; `undefined` as long as nothing is known to be missing. */
  readonly damage: string | undefined;
  /**
   * Reads up to `length` bytes, at most {@link CHUNK_BYTES}, from `offset`: fewer only at the end.
   * The bytes are valid until the next read.
   */
  readAt(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array>;
}

/** A file as it is. */
export class PlainBytes implements LogBytes {
  readonly damage = undefined;

  constructor(readonly file: OpenFile) {}

  get identity(): string {
    return this.file.identity;
  }

  get modifiedMs(): number {
    return this.file.modifiedMs;
  }

  async readAt(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    return (await this.file.readAt(offset, length, signal)).bytes;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.file[Symbol.dispose]();
    return Promise.resolve();
  }
}

/**
 * A compressed file, unpacked by a child process. The child gets the file's bytes through a pipe, so
 * it opens nothing itself, and pipes bound the memory that a small file with a huge content takes.
 */
export class UnpackedBytes implements LogBytes {
  damage: string | undefined;
  readonly #file: OpenFile;
  readonly #program: string;
  #process: Unpacker | undefined;

  constructor(file: OpenFile, program: string) {
    this.#file = file;
    this.#program = program;
  }

  get identity(): string {
    return this.#file.identity;
  }

  get modifiedMs(): number {
    return this.#file.modifiedMs;
  }

  async readAt(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    if (this.#process !== undefined && offset < this.#process.offset) await this.#end();
    const process = this.#process ??= new Unpacker(this.#file, this.#program);
    while (process.offset < offset) {
      signal.throwIfAborted();
      const { byteLength } = await process.read(Math.min(CHUNK_BYTES, offset - process.offset));
      if (byteLength === 0) break;
    }
    signal.throwIfAborted();
    const bytes = process.offset === offset ? await process.read(length) : new Uint8Array(0);
    if (bytes.byteLength < length) this.damage = await process.failure();
    return bytes;
  }

  async #end(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    await process?.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    this.#file[Symbol.dispose]();
  }
}

/** One child process that unpacks a file from its beginning. */
class Unpacker {
  /** How many bytes have been read from it. */
  offset = 0;
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamBYOBReader;
  readonly #feeding: Promise<void>;
  readonly #program: string;
  #buffer = new ArrayBuffer(CHUNK_BYTES);
  #isStopped = false;

  constructor(file: OpenFile, program: string) {
    countChild();
    this.#program = program;
    // The program's name is one of UNPACKERS, never from the wire.
    this.#child = spawnShell(scriptArgs(`exec ${program} -dc`));
    this.#reader = this.#child.stdout.getReader({ mode: "byob" });
    this.#feeding = this.#feed(file);
  }

  /** Reads up to `length` bytes, fewer only at the end; valid until the next read. */
  async read(length: number): Promise<Uint8Array> {
    let filled = 0;
    while (filled < length) {
      const free = new Uint8Array(this.#buffer, filled, length - filled);
      const { value, done } = await this.#reader.read(free);
      countPipeRead();
      if (value === undefined) break;
      this.#buffer = value.buffer;
      if (done) break;
      filled += value.byteLength;
    }
    this.offset += filled;
    return this.#buffer.detached ? new Uint8Array(0) : new Uint8Array(this.#buffer, 0, filled);
  }

  /** Why the output ended too early, if it did. Called at its end. */
  async failure(): Promise<string | undefined> {
    const { code } = await this.#child.status;
    const NOT_FOUND = 127;
    const WARNING = 2;
    if (code === 0 || code === WARNING) return undefined;
    return code === NOT_FOUND
      ? `cannot be unpacked: the guest has no ${this.#program}`
      : `is damaged: ${this.#program} ended with status ${code}`;
  }

  async end(): Promise<void> {
    this.#isStopped = true;
    await signalGroup(this.#child, "SIGKILL");
    await this.#reader.cancel().catch(() => {});
    await Promise.all([this.#child.status, this.#feeding]);
  }

  async #feed(file: OpenFile): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    try {
      for (let offset = 0; !this.#isStopped;) {
        const { bytes } = await file.readAt(offset, CHUNK_BYTES, NEVER_ABORTED);
        if (bytes.byteLength === 0) break;
        // The file's buffer is reused, and the stream keeps what it gets.
        countGarbage(bytes.byteLength);
        await writer.write(Uint8Array.from(bytes));
        offset += bytes.byteLength;
      }
      await writer.close();
    } catch {
      // The child has exited: its status tells why.
    }
  }
}
