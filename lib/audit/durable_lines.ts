/**
 * Appends lines to a file, each flushed to disk before its writer continues.
 *
 * @module
 */

import { countGarbage } from "../base/memory/garbage.ts";

const NEWLINE = 0x0a;
/** Readable for owner and group, like the log. */
const MODE = 0o640;
/** What a write and a flush leave for the garbage collector (measured). */
const GARBAGE_BYTES = 2048;
/** While frozen, a host can still ask for what is recorded, such as to cancel. */
const MAX_HELD = 200;
const encoder = new TextEncoder();

/** The part of Deno.FsFile needed for writing lines. */
export interface DurableFile {
  write(bytes: Uint8Array): Promise<number>;
  /** Resolves when everything written is on disk. */
  syncData(): Promise<void>;
  close(): void;
}

/** An open file, and whether its last line is incomplete: the writer died, or the disk was full. */
export interface OpenedLines {
  readonly file: DurableFile;
  readonly isTorn: boolean;
}

interface Waiting {
  readonly line: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Appends lines. Lines that arrive during a flush are written together after it, so several at once
 * cost little more than one.
 */
export class DurableLines {
  readonly #open: () => Promise<OpenedLines>;
  #file: DurableFile | undefined;
  #isTorn = false;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #held: string[] | undefined;

  constructor(open: () => Promise<OpenedLines>) {
    this.#open = open;
  }

  /** The number of lines that wait for the disk. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Opens the file now instead of with the first line.
   *
   * @throws The reason why it cannot be opened.
   */
  async open(): Promise<void> {
    this.#file ??= await this.#openAgain();
  }

  /**
   * Appends a line; resolves when it is on disk. After a failure the next line reopens the file.
   *
   * @param line Without its newline.
   * @throws The reason why it cannot be opened, written or flushed; a part of the line may be in
   * the file.
   */
  append(line: string): Promise<void> {
    if (this.#held !== undefined) return this.#hold(line, this.#held);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ line, resolve, reject });
    this.#writing ??= this.#drain();
    return promise;
  }

  /**
   * Whether lines are kept in memory and count as written, because writing could wait for a frozen
   * file system; they are written when this becomes false.
   */
  set isHeld(isHeld: boolean) {
    if (isHeld) this.#held ??= [];
    else {
      const held = this.#held ?? [];
      this.#held = undefined;
      for (const line of held) this.append(line).catch(() => {});
    }
  }

  #hold(line: string, held: string[]): Promise<void> {
    if (held.length >= MAX_HELD) {
      return Promise.reject(new Error(`${MAX_HELD} lines already wait for the thaw`));
    }
    held.push(line);
    return Promise.resolve();
  }

  /** Closes the file once no line waits; the next line reopens it. */
  async close(): Promise<void> {
    if (this.#held !== undefined) return;
    while (this.#writing !== undefined) await this.#writing;
    this.#file?.close();
    this.#file = undefined;
  }

  async #drain(): Promise<void> {
    // Lines of the same event-loop turn are written together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const together = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(together.map(({ line }) => `${line}\n`).join(""));
        for (const { resolve } of together) resolve();
      } catch (error) {
        this.#file?.close();
        this.#file = undefined;
        for (const { reject } of together) reject(error);
      }
    }
    this.#writing = undefined;
  }

  async #write(text: string): Promise<void> {
    const file = this.#file ??= await this.#openAgain();
    // An incomplete line must not swallow the next one.
    const bytes = encoder.encode(this.#isTorn ? `\n${text}` : text);
    for (let sent = 0; sent < bytes.byteLength;) {
      sent += await file.write(bytes.subarray(sent));
      this.#isTorn = bytes[sent - 1] !== NEWLINE;
    }
    await file.syncData();
    countGarbage(GARBAGE_BYTES);
  }

  async #openAgain(): Promise<DurableFile> {
    const { file, isTorn } = await this.#open();
    this.#isTorn = isTorn;
    return file;
  }
}

/** Opens or creates the file at `path` for {@link DurableLines}. */
export async function openLines(path: string): Promise<OpenedLines> {
  const file = await Deno.open(path, { read: true, append: true, create: true, mode: MODE });
  try {
    const { size } = await file.stat();
    if (size === 0) return { file, isTorn: false };
    const last = new Uint8Array(1);
    await file.seek(-1, Deno.SeekMode.End);
    await file.read(last);
    return { file, isTorn: last[0] !== NEWLINE };
  } catch (error) {
    file.close();
    throw error;
  }
}
