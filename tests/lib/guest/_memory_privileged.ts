/**
 * Operations that need root, answered by the test.
 *
 * @module
 */

import type { Privileged } from "../../../lib/guest/privileged.ts";

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
}
