/**
 * The memory for what commands print: one budget for all that run, or whose answers wait for the
 * host.
 *
 * A command that finds no room is not read, so it stops once its pipe is full. One that has ended
 * always gets room: beyond the budget, one after another, since its answer soon leaves. One that
 * still runs might wait for as long as the slowest of those that hold the budget, so it loses what it
 * prints after {@link OutputLimits.patienceMs}.
 *
 * @module
 */

import { Timer } from "../timer.ts";

/** What commands may hold, and how long one waits. */
export interface OutputLimits {
  /** Bytes of output that all commands hold together; one that is alone may hold more. */
  readonly bytes: number;
  /** Milliseconds that a running command waits for room. */
  readonly patienceMs: number;
}

/** Enough for ten of the largest answers by default, which is as many as run at the same time. */
export const OUTPUT_LIMITS: OutputLimits = { bytes: 640 * 1024, patienceMs: 5000 };

/** A share that waits for room. */
interface Waiting {
  readonly share: OutputShare;
  readonly bytes: number;
  readonly decide: (isGranted: boolean) => void;
}

/** The budget of all commands. */
export class OutputBudget {
  readonly limits: OutputLimits;
  readonly #waiting = new Set<Waiting>();
  #heldBytes = 0;
  /** The share of a command that has ended and may exceed the budget. */
  #overdrawn: OutputShare | undefined;

  constructor(limits: OutputLimits = OUTPUT_LIMITS) {
    this.limits = limits;
  }

  /** Bytes that all shares hold together. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The share of one command, without any room at first. */
  open(): OutputShare {
    return new OutputShare({
      take: (share, bytes) => this.#take(share, bytes),
      give: (share, bytes) => {
        this.#heldBytes -= bytes;
        if (share.isClosed) this.#forget(share);
        this.#letIn();
      },
    });
  }

  #take(share: OutputShare, bytes: number): true | Promise<boolean> {
    const isNext = this.#waiting.size === 0 || share.hasEnded;
    if (isNext && this.#fits(share, bytes)) {
      this.#heldBytes += bytes;
      return true;
    }
    return this.#wait(share, bytes);
  }

  async #wait(share: OutputShare, bytes: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiting = { share, bytes, decide: resolve };
    this.#waiting.add(waiting);
    const timer = new Timer(this.limits.patienceMs, () => {
      if (!share.hasEnded && this.#waiting.delete(waiting)) resolve(false);
    });
    try {
      return await promise;
    } finally {
      timer.stop();
    }
  }

  #fits(share: OutputShare, bytes: number): boolean {
    if (this.#heldBytes + bytes <= this.limits.bytes) return true;
    if (share === this.#overdrawn || this.#heldBytes === share.heldBytes) return true;
    if (!share.hasEnded || this.#overdrawn !== undefined) return false;
    this.#overdrawn = share;
    return true;
  }

  #letIn(): void {
    for (const waiting of this.#waiting) {
      const { share, bytes, decide } = waiting;
      if (!this.#fits(share, bytes)) continue;
      this.#waiting.delete(waiting);
      this.#heldBytes += bytes;
      share.granted(bytes);
      decide(true);
    }
  }

  #forget(share: OutputShare): void {
    if (this.#overdrawn === share) this.#overdrawn = undefined;
    for (const waiting of this.#waiting) {
      if (waiting.share !== share) continue;
      this.#waiting.delete(waiting);
      waiting.decide(false);
    }
  }
}

/** What a share needs from its budget. */
interface Source {
  readonly take: (share: OutputShare, bytes: number) => true | Promise<boolean>;
  readonly give: (share: OutputShare, bytes: number) => void;
}

/** The room for the output of one command, until its answer has been sent. */
export class OutputShare {
  readonly #source: Source;
  #heldBytes = 0;
  #hasEnded = false;
  #isClosed = false;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Bytes that it holds. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether the command has ended, so that it will soon give its room back. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether it has given everything back. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Takes room: at once if it returns `true`, and otherwise once the promise resolves to `true`. If
   * that resolves to `false`, there is none, and what needs it is to be discarded.
   */
  take(bytes: number): true | Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    const taken = this.#source.take(this, bytes);
    if (taken === true) this.granted(bytes);
    return taken;
  }

  /** Notes that the budget has given room. */
  granted(bytes: number): void {
    this.#heldBytes += bytes;
  }

  /** Gives some room back. */
  give(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#source.give(this, bytes);
  }

  /** Notes that the command has ended: what it has printed is all there is to hold. */
  end(): void {
    this.#hasEnded = true;
    this.give(0);
  }

  /** Gives everything back. */
  close(): void {
    this.#isClosed = true;
    this.give(this.#heldBytes);
  }
}

/** The budget of this process. */
export const OUTPUT_BUDGET = new OutputBudget();
