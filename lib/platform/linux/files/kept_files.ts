/**
 * Keeps files open between the pieces of a transfer.
 *
 * Opening a file and verifying that its path contains no link takes longer than reading a piece of
 * it. So a verified file is kept open for a short time, and the next piece uses it again if the
 * path still names the same file. It needs no second verification: wherever the path leads now, the
 * verified file is read or written.
 *
 * @module
 */

import { Timer } from "../../../base/timer.ts";
import { type AllowedPath, isInside } from "../../../policy/paths.ts";
import type { BoundedOpens } from "./bounded_opens.ts";
import { KeptFile } from "./kept_file.ts";
import { openRealFile } from "./real_file.ts";

const MAX_KEPT = 4;
const KEEP_MS = 1000;

interface Kept {
  readonly file: KeptFile;
  readonly since: number;
}

/** A small cache of open files. */
export class KeptFiles implements Disposable {
  readonly #opens: BoundedOpens;
  /** A map iterates in insertion order: the oldest comes first. */
  readonly #kept = new Map<string, Kept>();
  #timer: Timer | undefined;

  constructor(opens: BoundedOpens) {
    this.#opens = opens;
  }

  /** How many files are kept. */
  get count(): number {
    return this.#kept.size;
  }

  /**
   * Takes a kept file, or opens it.
   *
   * @throws As {@link openRealFile}.
   */
  async take(
    target: AllowedPath,
    access: "read" | "write",
    signal: AbortSignal,
  ): Promise<KeptFile> {
    const key = `${access} ${target.root} ${target.path}`;
    const found = this.#kept.get(key)?.file;
    if (found !== undefined) {
      this.#kept.delete(key);
      if (found.restat()) return found;
      found.close();
    }
    const real = await openRealFile(this.#opens, target, access, signal);
    return new KeptFile(target.path, real, (file) => this.#keep(key, file));
  }

  /**
   * Closes kept files at or below this path: a program that is open for writing cannot be executed,
   * and a removed file that is open keeps its space.
   */
  forget(path: string): void {
    for (const [key, { file }] of this.#kept) {
      if (isInside(file.path, path)) this.#drop(key, file);
    }
  }

  #keep(key: string, file: KeptFile): boolean {
    if (this.#kept.has(key)) {
      file.close();
      return false;
    }
    if (this.#kept.size >= MAX_KEPT) this.#dropOldest();
    this.#kept.set(key, { file, since: performance.now() });
    this.#timer ??= this.#startTimer();
    return true;
  }

  #startTimer(): Timer {
    return new Timer(KEEP_MS, () => this.#sweep());
  }

  #sweep(): void {
    const latest = performance.now() - KEEP_MS;
    for (const [key, { file, since }] of this.#kept) if (since <= latest) this.#drop(key, file);
    this.#timer = this.#kept.size === 0 ? undefined : this.#startTimer();
  }

  #dropOldest(): void {
    for (const [key, { file }] of this.#kept) return this.#drop(key, file);
  }

  #drop(key: string, file: KeptFile): void {
    this.#kept.delete(key);
    file.close();
  }

  [Symbol.dispose](): void {
    this.#timer?.stop();
    this.#timer = undefined;
    for (const [key, { file }] of this.#kept) this.#drop(key, file);
  }
}
