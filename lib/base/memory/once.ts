/**
 * Values that are used once.
 *
 * A suspended function keeps its parameters and variables until it returns, so what is large would
 * stay in memory for as long as the slowest step after its use.
 *
 * @module
 */

/** Holds a value until it is taken: then only the one who took it holds it. */
export class Once<T> {
  #held: { readonly value: T } | undefined;

  constructor(value: T) {
    this.#held = { value };
  }

  /**
   * The value, which stays.
   *
   * @throws {Error} if it has been taken.
   */
  get value(): T {
    if (this.#held === undefined) throw new Error("the value has been taken");
    return this.#held.value;
  }

  /**
   * The value, which only the caller holds from now on.
   *
   * @throws {Error} if it has been taken.
   */
  take(): T {
    const { value } = this;
    this.#held = undefined;
    return value;
  }
}
