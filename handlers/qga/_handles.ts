/**
 * Handles of guest-file-open. They outlive the connection, since some clients use a new one for each
 * command.
 *
 * A handle remembers a path and a position, and the file is opened for each command: the policy is
 * asked each time, 10,000 handles take no descriptors, and files that are used are kept open for a
 * moment by the guest's files anyway.
 *
 * @module
 */

import { commandFailed } from "../../lib/base/errors.ts";

/** What a handle stands for. */
export interface Handle {
  readonly path: string;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  /** Every write goes to the end of the file. */
  readonly appends: boolean;
  /** Bytes from the beginning of the file. */
  position: number;
}

/** Bounds of what is kept. */
export interface HandleLimits {
  readonly handles: number;
  /** How long one that is not used is kept, in milliseconds … */
  readonly keptMs: number;
  /** … and how long at least, when there are too many. */
  readonly keptAtLeastMs: number;
}

/** The limits of an agent: a thousand handles take less than a megabyte. */
export const HANDLE_LIMITS: HandleLimits = {
  handles: 1000,
  keptMs: 24 * 3_600_000,
  keptAtLeastMs: 60_000,
};

interface Entry {
  readonly handle: Handle;
  readonly usedAt: number;
}

/** The table of handles. */
export class Handles {
  readonly #limits: HandleLimits;
  readonly #now: () => number;
  /** The one that was not used for the longest time is the first. */
  readonly #entries = new Map<number, Entry>();
  #next: number;

  /** @param now Milliseconds; the first handle is made of it, so that no two agents share any. */
  constructor(limits: HandleLimits = HANDLE_LIMITS, now: () => number = Date.now) {
    this.#limits = limits;
    this.#now = now;
    this.#next = now();
  }

  /** How many there are. */
  get count(): number {
    return this.#entries.size;
  }

  /** The path of a handle, if it is known. */
  pathOf(number: number): string | undefined {
    return this.#entries.get(number)?.handle.path;
  }

  /** @throws {RpcError} if there are too many. */
  add(handle: Handle): number {
    this.#dropUnused();
    const number = this.#next;
    this.#next += 1;
    this.#entries.set(number, { handle, usedAt: this.#now() });
    return number;
  }

  /** @throws {RpcError} for a handle that is not known, or no longer. */
  use(number: number): Handle {
    const entry = this.#entries.get(number);
    if (entry === undefined) throw commandFailed(`handle '${number}' has not been found`);
    this.#entries.delete(number);
    this.#entries.set(number, { ...entry, usedAt: this.#now() });
    return entry.handle;
  }

  /** @throws {RpcError} As {@link use}. */
  close(number: number): void {
    this.use(number);
    this.#entries.delete(number);
  }

  #dropUnused(): void {
    const { handles, keptMs, keptAtLeastMs } = this.#limits;
    const now = this.#now();
    for (const [number, { usedAt }] of this.#entries) {
      const age = now - usedAt;
      const isFull = this.#entries.size >= handles;
      if (age <= keptMs && !(isFull && age > keptAtLeastMs)) break;
      this.#entries.delete(number);
    }
    if (this.#entries.size >= handles) {
      throw commandFailed(`${handles} files are open already, which is the most; close some`);
    }
  }
}
