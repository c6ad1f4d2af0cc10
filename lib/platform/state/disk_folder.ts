/**
 * A folder of the state on disk.
 *
 * @module
 */

import type { Spool, SpoolLimits, StateFolder } from "../../guest/state.ts";
import { DiskSegments, type SegmentDirectory } from "./disk_segments.ts";
import type { OpenReaders } from "./open_readers.ts";
import { checkName, isName } from "./names.ts";
import { SegmentedSpool } from "./spool.ts";

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const NEW_SUFFIX = ".new";
/** The most that a small file may have. */
const MAX_TEXT_BYTES = 256 * 1024;

/** What is shared by all folders. */
export interface Shared {
  readonly uid: number | null;
  readonly readers: OpenReaders;
}

/** A directory with the agent's own files. Whatever belongs to others is not touched or read. */
export class DiskFolder implements StateFolder, SegmentDirectory {
  readonly #shared: Shared;

  constructor(readonly path: string, shared: Shared) {
    this.#shared = shared;
  }

  get readers(): OpenReaders {
    return this.#shared.readers;
  }

  folder(name: string): StateFolder {
    checkName(name);
    return new DiskFolder(`${this.path}/${name}`, this.#shared);
  }

  async folders(): Promise<readonly string[]> {
    const names: string[] = [];
    for (const [name, { isDirectory }] of await this.#own()) {
      if (isDirectory && isName(name)) names.push(name);
    }
    return names;
  }

  async files(): Promise<ReadonlyMap<string, number>> {
    const own = await this.#own();
    return new Map(
      [...own].filter(([, info]) => info.isFile).map(([name, { size }]) => [name, size]),
    );
  }

  async #own(): Promise<ReadonlyMap<string, Deno.FileInfo>> {
    const own = new Map<string, Deno.FileInfo>();
    try {
      for await (const { name } of Deno.readDir(this.path)) {
        const info = await Deno.lstat(`${this.path}/${name}`);
        if (info.uid === this.#shared.uid) own.set(name, info);
      }
    } catch (error) {
      // There is nothing yet, or it is being removed.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return own;
  }

  async make(): Promise<void> {
    await Deno.mkdir(this.path, { recursive: true, mode: DIRECTORY_MODE });
  }

  async readText(name: string): Promise<string | undefined> {
    checkName(name);
    const path = `${this.path}/${name}`;
    try {
      const { isFile, uid, size } = await Deno.lstat(path);
      if (!isFile || uid !== this.#shared.uid || size > MAX_TEXT_BYTES) return undefined;
      return await Deno.readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  async writeText(name: string, text: string): Promise<void> {
    checkName(name);
    const path = `${this.path}/${name}`;
    await this.make();
    await Deno.remove(path + NEW_SUFFIX).catch(() => {});
    await Deno.writeTextFile(path + NEW_SUFFIX, text, { createNew: true, mode: FILE_MODE });
    await Deno.rename(path + NEW_SUFFIX, path);
  }

  async removeText(name: string): Promise<void> {
    checkName(name);
    try {
      await Deno.remove(`${this.path}/${name}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async spool(name: string, limits: SpoolLimits): Promise<Spool> {
    checkName(name);
    return await SegmentedSpool.open(new DiskSegments(this, name), limits);
  }

  async remove(): Promise<void> {
    this.#shared.readers.closeIn(this.path);
    try {
      await Deno.remove(this.path, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
