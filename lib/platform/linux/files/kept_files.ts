/**
 * Keeps files open between the pieces of a transfer.
 *
 * Opening a file and verifying that its path contains no link takes longer than reading a piece of
 * it. So a verified file is kept open for a short time, and the next piece uses it again if the
 * path still names the same file. It needs no second verification: wherever the path leads now, the
 * verified file is read or written.
 *
 * Hosts have several pieces of a file in flight: these use one open file, one after another.
 *
 * @module
 */

import { Timer } from "../../../base/timer.ts";
import { Aborted, withTimer } from "../../../base/waiting.ts";
import { type AllowedPath, isInside } from "../../../policy/paths.ts";
import type { BoundedOpens } from "./bounded_opens.ts";
import { type HashWhole, type Keeper, KeptFile } from "./kept_file.ts";
import { openRealFile } from "./real_file.ts";

const MAX_KEPT = 4;
const KEEP_MS = 1000;
/** How long a piece waits for those before it; where that takes longer, it opens the file itself. */
const TURN_MS = 250;

interface Kept {
  readonly file: KeptFile;
  readonly since: number;
}

type Access = "read" | "write";

const keyOf = ({ root, path }: AllowedPath, access: Access) => `${access} ${root} ${path}`;

/** Takes what it is handed: the open file, or nothing if it has to be opened again. */
type Waiting = (file: KeptFile | undefined) => void;

/** A small cache of open files. */
export class KeptFiles implements Disposable {
  readonly #opens: BoundedOpens;
  readonly #hashWhole: HashWhole;
  /** A map iterates in insertion order: the oldest comes first. */
  readonly #kept = new Map<string, Kept>();
  /** Who waits for each file that is in use or being opened. */
  readonly #inUse = new Map<string, Waiting[]>();
  #timer: Timer | undefined;

  constructor(opens: BoundedOpens, hashWhole: HashWhole) {
    this.#opens = opens;
    this.#hashWhole = hashWhole;
  }

  /** How many files are kept. */
  get count(): number {
    return this.#kept.size;
  }

  /**
   * Takes a kept file, waits a moment for one that is in use, or opens it.
   *
   * @throws As {@link openRealFile}.
   */
  async take(
    target: AllowedPath,
    access: Access,
    signal: AbortSignal,
  ): Promise<KeptFile> {
    const key = keyOf(target, access);
    const open = async (giveBack: Keeper["giveBack"]) =>
      new KeptFile(target, await openRealFile(this.#opens, target, access, signal), {
        hashWhole: this.#hashWhole,
        giveBack,
      });
    const waiting = this.#inUse.get(key);
    let found = this.#kept.get(key)?.file;
    if (waiting === undefined) {
      this.#inUse.set(key, []);
      this.#kept.delete(key);
    } else {
      const handed = await this.#handed(key, waiting, signal);
      if (handed === undefined) return await open(closed);
      found = handed.file;
    }
    if (found?.restat() === true) return found;
    found?.close();
    try {
      return await open((file) => this.#giveBack(key, file));
    } catch (error) {
      this.#handOn(key, undefined);
      throw error;
    }
  }

  /** Takes a kept file without waiting; `undefined` if it is in use, or has to be opened. */
  takeAgain(target: AllowedPath, access: Access): KeptFile | undefined {
    const key = keyOf(target, access);
    const file = this.#kept.get(key)?.file;
    if (file === undefined || this.#inUse.has(key) || !file.restat()) return undefined;
    this.#inUse.set(key, []);
    this.#kept.delete(key);
    return file;
  }

  /** Waits for what the piece before hands on; `undefined` if that takes too long. */
  async #handed(
    key: string,
    waiting: Waiting[],
    signal: AbortSignal,
  ): Promise<{ file: KeptFile | undefined } | undefined> {
    const { promise, resolve } = Promise.withResolvers<KeptFile | undefined>();
    waiting.push(resolve);
    {
      const aborted = new Aborted(signal);
      using _aborted = aborted;
      await withTimer(TURN_MS, Promise.race([promise, aborted.happened]));
    }
    const place = waiting.indexOf(resolve);
    if (place >= 0) {
      waiting.splice(place, 1);
      signal.throwIfAborted();
      return undefined;
    }
    const file = await promise;
    if (!signal.aborted) return { file };
    if (file !== undefined) this.#giveBack(key, file);
    else this.#handOn(key, undefined);
    throw signal.reason;
  }

  /** Hands a file, or the task of opening it, to the next that waits; returns whether one did. */
  #handOn(key: string, file: KeptFile | undefined): boolean {
    const next = this.#inUse.get(key)?.shift();
    if (next === undefined) this.#inUse.delete(key);
    else next(file);
    return next !== undefined;
  }

  #giveBack(key: string, file: KeptFile): boolean {
    if (!this.#handOn(key, file)) this.#keep(key, file);
    return true;
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

  #keep(key: string, file: KeptFile): void {
    if (this.#kept.size >= MAX_KEPT) this.#dropOldest();
    this.#kept.set(key, { file, since: performance.now() });
    this.#timer ??= this.#startTimer();
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

/** For a file that is opened besides the one in use. */
function closed(file: KeptFile): false {
  file.close();
  return false;
}
