/**
 * Files that stay open between reads, a few at most.
 *
 * @module
 */

import { PositionedFile } from "../positioned_file.ts";
import { closeQuietly } from "../../base/close_quietly.ts";

const MAX_OPEN = 4;

interface Reader {
  readonly file: Deno.FsFile;
  readonly positioned: PositionedFile;
}

/** Opens files for reading and reuses the most recent ones. */
export class OpenReaders {
  /** Those that are not in use, the least recently used first. */
  readonly #idle = new Map<string, Reader>();
  /** Counts what {@link close} was told, so that a file in use is not kept under an old name. */
  #closings = 0;

  /** Reads from the file at this path. */
  async use<Result>(
    path: string,
    read: (file: PositionedFile) => Promise<Result>,
  ): Promise<Result> {
    const closings = this.#closings;
    const reader = this.#idle.get(path) ?? await open(path);
    this.#idle.delete(path);
    let isUsable = false;
    try {
      const result = await read(reader.positioned);
      isUsable = true;
      return result;
    } finally {
      if (isUsable && closings === this.#closings) this.#keep(path, reader);
      else closeQuietly(reader.file);
    }
  }

  #keep(path: string, reader: Reader): void {
    const other = this.#idle.get(path);
    if (other !== undefined) closeQuietly(other.file);
    this.#idle.delete(path);
    this.#idle.set(path, reader);
    for (const [oldest, { file }] of this.#idle) {
      if (this.#idle.size <= MAX_OPEN) break;
      this.#idle.delete(oldest);
      closeQuietly(file);
    }
  }

  /** Closes the file that had this path: it is removed or replaced. */
  close(path: string): void {
    this.#closings += 1;
    const reader = this.#idle.get(path);
    if (reader === undefined) return;
    this.#idle.delete(path);
    closeQuietly(reader.file);
  }

  /** Closes the files in a directory that is removed: while they are open, they take room on the disk. */
  closeIn(directory: string): void {
    this.#closings += 1;
    for (const [path, { file }] of this.#idle) {
      if (!path.startsWith(`${directory}/`)) continue;
      this.#idle.delete(path);
      closeQuietly(file);
    }
  }

  /** Closes all. */
  closeAll(): void {
    this.#closings += 1;
    for (const { file } of this.#idle.values()) closeQuietly(file);
    this.#idle.clear();
  }
}

async function open(path: string): Promise<Reader> {
  // A command of the agent's user may have put a FIFO there, whose opening would wait for a writer.
  if (!(await Deno.lstat(path)).isFile) throw new Deno.errors.NotFound(path);
  const file = await Deno.open(path);
  return { file, positioned: new PositionedFile(file) };
}
