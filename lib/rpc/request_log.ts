/**
 * What the log says of requests: id, method, milliseconds and outcome, never contents.
 *
 * @module
 */

import { ERRORS, type RpcError } from "../errors.ts";
import type { Log, LogFields } from "../log/logger.ts";
import { RateLimit } from "./admission.ts";
import type { Id, Request } from "./messages.ts";

/** Lines a second for what a flood could cause without being let in. */
const MAX_REFUSALS_PER_SECOND = 10;
const MAX_SHOWN_CHARACTERS = 100;

const shortened = (id: Id | undefined) =>
  typeof id === "string" ? id.slice(0, MAX_SHOWN_CHARACTERS) : id;

/** Writes the lines of requests, and few of those of a flood. */
export class RequestLog {
  readonly #log: Log;
  readonly #refusals = new RateLimit(MAX_REFUSALS_PER_SECOND);
  #unlogged = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** A request that has been done, or turned away. Without `code` it went well. */
  finished(request: Request, start: number, fields: LogFields = {}): void {
    if (fields.code === ERRORS.tooManyRequests.code && !this.#mayLogRefusal()) return;
    this.#log.info("request", {
      id: shortened(request.id),
      method: request.method.slice(0, MAX_SHOWN_CHARACTERS),
      ms: Math.round((performance.now() - start) * 1000) / 1000,
      outcome: fields.code === undefined ? "ok" : "error",
      ...fields,
    });
  }

  /** A message that was no request. */
  refused(error: RpcError, id?: Id): void {
    if (!this.#mayLogRefusal()) return;
    const { code, data: { reason } } = error;
    this.#log.warn("not a request", { id: shortened(id), code, reason });
  }

  /** A fault of ours, with its stack. */
  fault(message: string, error: unknown, request: Request): void {
    this.#log.error(message, {
      id: shortened(request.id),
      method: request.method,
      error: error instanceof Error ? error.stack ?? error.message : String(error),
    });
  }

  #mayLogRefusal(): boolean {
    if (this.#refusals.take() > 0) {
      this.#unlogged += 1;
      return false;
    }
    if (this.#unlogged > 0) {
      this.#log.warn("refusals were not logged one by one", { count: this.#unlogged });
      this.#unlogged = 0;
    }
    return true;
  }
}
