/**
 * What the log says of requests: id, method, milliseconds and outcome, never contents.
 *
 * @module
 */

import { ERRORS, type RpcError } from "../base/errors.ts";
import type { Log, LogFields } from "../log/logger.ts";
import { RateLimit } from "./admission.ts";
import type { Id, Request } from "../dialects/jsonrpc/messages.ts";

/** Lines a second for what a flood could cause without being let in. */
const MAX_REFUSALS_PER_SECOND = 10;
const MAX_SHOWN_CHARACTERS = 100;
/** Enough for the longest reason that a person writes, and for most paths. */
const MAX_FIELD_CHARACTERS = 500;

/** An id that does not make a line grow with what a host sends. */
export function shortened(id: Id | undefined): Id | undefined {
  if (typeof id === "string") return id.slice(0, MAX_SHOWN_CHARACTERS);
  if (typeof id !== "object" || id === null) return id;
  return id.rawJSON.length <= MAX_SHOWN_CHARACTERS ? id : id.rawJSON.slice(0, MAX_SHOWN_CHARACTERS);
}

/** A reason without the value that was refused: it may be what nobody but the host may see. */
export const withoutValue = (reason: unknown): unknown =>
  typeof reason === "string" ? reason.replace(/, received .*$/s, "") : reason;

/** A log line never grows with what a host sends. */
const bounded = (fields: LogFields): LogFields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string" && value.length > MAX_FIELD_CHARACTERS
        ? `${value.slice(0, MAX_FIELD_CHARACTERS)}…`
        : value,
    ]),
  );

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
    if (!this.#log.isLogged("info")) return;
    this.#log.info("request", {
      id: shortened(request.id),
      method: request.method.slice(0, MAX_SHOWN_CHARACTERS),
      ms: Math.round((performance.now() - start) * 1000) / 1000,
      outcome: fields.code === undefined ? "ok" : "error",
      ...bounded(
        fields.reason === undefined ? fields : { ...fields, reason: withoutValue(fields.reason) },
      ),
    });
  }

  /** A message that was no request. */
  refused(error: RpcError, id?: Id): void {
    if (!this.#mayLogRefusal()) return;
    const { code, kind, data } = error;
    // The parser's own words quote the line, and nobody knows what was in it.
    const reason = kind === "parseError" ? "not UTF-8, or not JSON" : withoutValue(data.reason);
    this.#log.warn("not a request", bounded({ id: shortened(id), code, reason }));
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
