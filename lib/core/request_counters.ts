/**
 * Request counts by method and outcome.
 *
 * @module
 */

import { ERRORS } from "../base/errors.ts";

/** Admitted requests of one method. */
export interface MethodCount {
  ok: number;
  error: number;
}

/** Counts since the agent started. */
export class RequestCounters {
  readonly #methods = new Map<string, MethodCount>();
  #rejected = 0;
  #malformed = 0;

  /** @param known Method names with a count each; all others share one. */
  constructor(readonly known: ReadonlySet<string> | ReadonlyMap<string, unknown>) {}

  /** By method name; requests for methods that do not exist are counted under "unknown". */
  get methods(): ReadonlyMap<string, Readonly<MethodCount>> {
    return this.#methods;
  }

  /** Rejected requests: over the rate limit, or too many waiting (-32004). */
  get rejected(): number {
    return this.#rejected;
  }

  /** Messages that are not requests. */
  get malformed(): number {
    return this.#malformed;
  }

  /** Counts a finished request. @param code The error's code, `undefined` for a success. */
  finished(method: string, code: number | undefined): void {
    if (code === ERRORS.tooManyRequests.code) {
      this.#rejected += 1;
      return;
    }
    const count = this.#methods.get(method) ?? this.#firstOf(method);
    if (code === undefined) count.ok += 1;
    else count.error += 1;
  }

  #firstOf(method: string): MethodCount {
    const name = this.known.has(method) ? method : "unknown";
    const count = this.#methods.get(name) ?? { ok: 0, error: 0 };
    this.#methods.set(name, count);
    return count;
  }

  /** Counts a message that is not a request. */
  countMalformed(): void {
    this.#malformed += 1;
  }
}
