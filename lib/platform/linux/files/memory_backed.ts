/**
 * File systems that keep files in memory.
 *
 * What a process writes to a tmpfs is charged to its control group for as long as the file exists.
 * The agent's group is small, so a process in the commands' group has to write there.
 *
 * @module
 */

import type { AllowedPath } from "../../../policy/paths.ts";
import type { FileShells } from "./file_shells.ts";
import { routeTo, walkFailure } from "./walk.ts";

/** tmpfs and ramfs, as stat(1) prints their magic numbers (statfs(2)). */
const MEMORY_BACKED = ["1021994", "858458f6"];
/** Device numbers are used again after an unmount. */
const KNOWN_MS = 10_000;
const MAX_KNOWN = 64;

interface Known {
  readonly isInMemory: boolean;
  readonly since: number;
}

/** Which file systems keep files in memory. */
export class MemoryBacked {
  readonly #shells: FileShells;
  /** By device number. */
  readonly #known = new Map<number, Known>();

  constructor(shells: FileShells) {
    this.#shells = shells;
  }

  /**
   * Whether the file system `device` keeps files in memory.
   *
   * @param directory A directory in it.
   */
  async has(
    device: number,
    directory: AllowedPath,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (!isAnonymous(device)) return false;
    const known = this.#known.get(device);
    if (known !== undefined && performance.now() - known.since < KNOWN_MS) return known.isInMemory;
    const { word, text } = await this.#shells.use(
      signal,
      (shell) => shell.ask("fstype", routeTo(directory.path, directory.root), [], signal),
    );
    if (word !== "0") throw walkFailure(directory, { status: Number(word), text, action: "used" });
    const isInMemory = MEMORY_BACKED.includes(text.trim());
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(device, { isInMemory, since: performance.now() });
    return isInMemory;
  }
}

/** Whether no device is behind it: its major number is 0 (makedev(3)). */
const isAnonymous = (device: number) =>
  device < 2 ** 32 && (Math.floor(device / 256) & 0xfff) === 0;
