/**
 * Opens files that an attacker may replace with a FIFO.
 *
 * Opening a FIFO blocks one of the runtime's few threads until its other end is opened; once all of
 * them are blocked, nothing is read or written any more. So only a few opens may run at a time, and
 * fewer below one allowed path. A signal interrupts them (`rouse_threads.ts`): the open then starts
 * over and resolves the path again, which may name a file by then.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { Timer } from "../../../base/timer.ts";
import { Aborted, withTimer } from "../../../base/waiting.ts";
import type { AllowedPath } from "../../../policy/paths.ts";

/**
 * How many opens may be in progress below one allowed path, and in total; the runtime has 32
 * threads.
 */
const MAX_OPENS_PER_ROOT = 4;
const MAX_OPENS = 16;
/** An open that takes longer may be blocked on a FIFO. */
const STUCK_MS = 20;
/** The longest interval between interruptions of a stuck open. */
const MAX_ROUSE_PAUSE_MS = 2000;
/** How long to wait for a turn while other opens are stuck. */
const TURN_MS = 1000;

/** Interrupts the system calls of the runtime's threads. */
export type RouseThreads = () => Promise<void>;

/** Opens files; the number of concurrent opens is limited, and each can be abandoned. */
export class BoundedOpens {
  readonly #rouse: RouseThreads;
  /** When each open started, by allowed path. */
  readonly #underWay = new Map<string, Set<number>>();
  readonly #waiting = new Set<() => void>();
  #isRousing = false;
  /** Resolves when no open is in progress any more. */
  #ended = Promise.withResolvers<void>();

  constructor(rouse: RouseThreads) {
    this.#rouse = rouse;
  }

  /** The number of opens in progress. */
  get count(): number {
    return this.#underWay.values().reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Like Deno.open, until the signal is aborted; a file that opens after that is closed
   * immediately.
   *
   * @throws {RpcError} -32000 if too many other opens are stuck.
   */
  async open(
    { path, root }: AllowedPath,
    options: Deno.OpenOptions,
    signal: AbortSignal,
  ): Promise<Deno.FsFile> {
    const aborted = new Aborted(signal);
    using _aborted = aborted;
    const began = await this.#waitForTurn(root, signal, aborted.happened);
    const opening = this.#open(path, root, began, options);
    const file = await Promise.race([opening, aborted.happened]);
    if (file !== undefined) return file;
    void opening.then((late) => late.close(), () => {});
    throw signal.reason;
  }

  /** Takes a turn if one is free; returns the time, which identifies the turn. */
  #takeTurn(root: string): number | undefined {
    const turns = this.#underWay.get(root) ?? new Set();
    if (turns.size >= MAX_OPENS_PER_ROOT || this.count >= MAX_OPENS) return undefined;
    let now = performance.now();
    while (turns.has(now)) now += 0.001;
    this.#underWay.set(root, turns.add(now));
    return now;
  }

  async #waitForTurn(root: string, signal: AbortSignal, aborted: Promise<void>): Promise<number> {
    const deadline = performance.now() + TURN_MS;
    for (;;) {
      const turn = this.#takeTurn(root);
      if (turn !== undefined) return turn;
      const left = deadline - performance.now();
      if (left <= 0) {
        const count = this.#underWay.get(root)?.size ?? 0;
        const where = count < MAX_OPENS_PER_ROOT
          ? `${this.count} files`
          : `${count} files in ${root}`;
        throw commandFailed(
          `${where} are blocked while opening; a FIFO may have replaced one of them`,
        );
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await withTimer(left, Promise.race([promise, aborted]));
      this.#waiting.delete(resolve);
      signal.throwIfAborted();
    }
  }

  async #open(
    path: string,
    root: string,
    began: number,
    options: Deno.OpenOptions,
  ): Promise<Deno.FsFile> {
    const timer = new Timer(STUCK_MS, () => void this.#rouseWhileStuck());
    try {
      return await Deno.open(path, options);
    } finally {
      timer.stop();
      const turns = this.#underWay.get(root);
      turns?.delete(began);
      if (turns?.size === 0) this.#underWay.delete(root);
      for (const wake of this.#waiting) wake();
      if (this.count === 0) {
        this.#ended.resolve();
        this.#ended = Promise.withResolvers();
      }
    }
  }

  async #rouseWhileStuck(): Promise<void> {
    if (this.#isRousing) return;
    this.#isRousing = true;
    try {
      for (;;) {
        const age = this.#youngestStuck();
        if (age === undefined) return;
        await this.#rouse().catch(() => {});
        // The longer they are stuck, the less likely a change is.
        await withTimer(Math.min(age, MAX_ROUSE_PAUSE_MS), this.#ended.promise);
      }
    } finally {
      this.#isRousing = false;
    }
  }

  /** Milliseconds since the most recent stuck open got stuck. */
  #youngestStuck(): number | undefined {
    const now = performance.now();
    const ages = [...this.#underWay.values()].flatMap((starts) => [...starts])
      .map((began) => now - began).filter((age) => age >= STUCK_MS);
    return ages.length === 0 ? undefined : Math.min(...ages);
  }
}
