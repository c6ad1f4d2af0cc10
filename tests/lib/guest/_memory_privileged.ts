/**
 * Operations that need root, answered by the test.
 *
 * @module
 */

import type { StartedCommand } from "../../../lib/guest/commands.ts";
import type { BackgroundLimits, Privileged } from "../../../lib/guest/privileged.ts";

/** Remembers what was asked for. */
export class MemoryPrivileged implements Privileged {
  readonly unavailable = undefined;
  isFrozen = false;
  readonly performed: (readonly [operation: string, params: unknown])[] = [];
  readonly #answer: (operation: string) => unknown;

  constructor(answer: (operation: string) => unknown) {
    this.#answer = answer;
  }

  onFreeze(): void {}

  async perform(operation: string, params: unknown): Promise<unknown> {
    this.performed.push([operation, params]);
    return await this.#answer(operation);
  }

  /** Starts what prints the answer and ends. */
  async start(
    operation: string,
    params: unknown,
    { onOutput }: BackgroundLimits,
  ): Promise<StartedCommand> {
    this.performed.push([operation, params]);
    const output = new TextEncoder().encode(String(await this.#answer(operation)));
    return {
      pid: 1,
      ended: onOutput("stdout", output)
        .then(() => ({ code: 0, signal: null, endedBy: "itself", isStuck: false })),
      write: () => Promise.resolve(),
      closeInput: () => Promise.resolve(),
      signal: () => Promise.resolve(),
      resize: () => Promise.resolve(),
    };
  }
}
