/**
 * How many requests there were, by method and outcome.
 *
 * @module
 */

import { ERRORS } from "../base/errors.ts";

/** Requests of one method that were let in. */
export interface MethodCount {
  ok: number;
  error: number;
}

/** Counts since the start of the agent. */
export class RequestCounters {
  readonly #methods = new Map<string, MethodCount>();
  #rejected = 0;
  #malformed = 0;

  /** @param known The names that are counted by themselves; all others are one. */
  constructor(readonly known: ReadonlySet<string> | ReadonlyMap<string, unknown>) {}

  /** By the method's name; what was asked for by a name that there is not is under "unknown". */
  get methods(): ReadonlyMap<string, Readonly<MethodCount>> {
    return this.#methods;
  }

  /** Requests that were not let in: over the rate, or too many waiting (-32004). */
  get rejected(): number {
    return this.#rejected;
  }

  /** Messages that were no requests. */
  get malformed(): number {
    return this.#malformed;
  }

  /** A request has been done. @param code The error's code; `undefined` where it went well. */
  finished(method: string, code: number | undefined): void {
    if (code === ERRORS.tooManyRequests.code) {
      this.#rejected += 1;
      return;
    }
    const name = this.known.has(method) ? method : "unknown";
    let count = this.#methods.get(name);
    if (count === undefined) this.#methods.set(name, count = { ok: 0, error: 0 });
    count[code === undefined ? "ok" : "error"] += 1;
  }

  /** A message was no request. */
  refused(): void {
    this.#malformed += 1;
  }
}
