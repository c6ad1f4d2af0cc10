/**
 * Segments as files of a directory.
 *
 * @module
 */

import { PositionedFile } from "../positioned_file.ts";
import type { OpenReaders } from "./open_readers.ts";
import type { FoundSegment, SegmentStore, SegmentWriter } from "./segments.ts";
import { writeAll } from "../../base/write_all.ts";

const NEVER_ABORTED = new AbortController().signal;
/** Enough for every position, so that the names sort by position. */
const POSITION_DIGITS = 16;
const MODE = 0o600;

class SegmentFile implements SegmentWriter {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await writeAll(this.#file, bytes);
  }

  async truncate(bytes: number): Promise<void> {
    await this.#file.truncate(bytes);
  }

  async flush(): Promise<boolean> {
    await this.#file.syncData();
    return (await this.#file.stat()).nlink !== 0;
  }

  close(): void {
    this.#file.close();
  }
}

/** What a directory needs to provide for its segments. */
export interface SegmentDirectory {
  readonly path: string;
  readonly readers: OpenReaders;
  /** Creates the directory if it is missing. */
  make(): Promise<void>;
  /** The sizes of the agent's own regular files in it, by name. */
  files(): Promise<ReadonlyMap<string, number>>;
}

/** The segments of one spool: the files `NAME.POSITION` of a directory. */
export class DiskSegments implements SegmentStore {
  readonly #directory: SegmentDirectory;
  readonly #name: string;

  constructor(directory: SegmentDirectory, name: string) {
    this.#directory = directory;
    this.#name = name;
  }

  async list(): Promise<readonly FoundSegment[]> {
    const found: FoundSegment[] = [];
    for (const [name, bytes] of await this.#directory.files()) {
      const position = name.startsWith(`${this.#name}.`) ? name.slice(this.#name.length + 1) : "";
      if (/^\d{16}$/.test(position)) found.push({ start: Number(position), bytes });
    }
    return found;
  }

  async create(start: number): Promise<SegmentWriter> {
    const path = this.#pathOf(start);
    await this.#directory.make();
    // Whatever has the name is not followed or reused: it could be a link or somebody else's file.
    await Deno.remove(path).catch(() => {});
    this.#directory.readers.close(path);
    const options = { append: true, createNew: true, mode: MODE };
    return new SegmentFile(await Deno.open(path, options));
  }

  async readAt(start: number, offset: number, target: Uint8Array): Promise<number> {
    try {
      return await this.#directory.readers.use(
        this.#pathOf(start),
        (file: PositionedFile) => file.readAt(offset, target, NEVER_ABORTED),
      );
    } catch (error) {
      // It was dropped meanwhile.
      if (error instanceof Deno.errors.NotFound) return 0;
      throw error;
    }
  }

  async remove(start: number): Promise<void> {
    const path = this.#pathOf(start);
    this.#directory.readers.close(path);
    await Deno.remove(path);
  }

  #pathOf(start: number): string {
    const position = String(start).padStart(POSITION_DIGITS, "0");
    return `${this.#directory.path}/${this.#name}.${position}`;
  }
}
