/**
 * What the log records of requests: id, method, milliseconds and outcome, never contents.
 *
 * @module
 */

import { ERRORS, type RpcError } from "../base/errors.ts";
import { stackOf } from "../base/message_of.ts";
import type { Log, LogFields } from "../log/logger.ts";
import type { CallId } from "./call_id.ts";
import { LoggedPieces } from "./logged_pieces.ts";
import { RateLimit } from "./rate_limit.ts";

/** Log lines per second for rejected requests. */
const MAX_REFUSALS_PER_SECOND = 10;
const MAX_SHOWN_CHARACTERS = 100;
/** Enough for the longest message and for most paths. */
const MAX_FIELD_CHARACTERS = 500;

/** A request's log entry. */
export interface LoggedRequest {
  readonly id: CallId | undefined;
  readonly method: string;
}

/** An id, cut to a length that a host cannot use to make log lines grow. */
export function shortened(id: CallId | undefined): CallId | undefined {
  if (typeof id === "string") return id.slice(0, MAX_SHOWN_CHARACTERS);
  if (typeof id !== "object" || id === null) return id;
  return id.rawJSON.length <= MAX_SHOWN_CHARACTERS ? id : id.rawJSON.slice(0, MAX_SHOWN_CHARACTERS);
}

/** A reason without the refused value, which may be secret. */
export const withoutValue = (reason: unknown): unknown =>
  typeof reason === "string" ? reason.replace(/, received .*$/s, "") : reason;

/** Cuts long fields: a host must not be able to make log lines grow. */
const bounded = (fields: LogFields): LogFields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string" && value.length > MAX_FIELD_CHARACTERS
        ? `${value.slice(0, MAX_FIELD_CHARACTERS)}…`
        : value,
    ]),
  );

/** Logs requests, and a sample of the rejected ones. */
export class RequestLog {
  readonly #log: Log;
  readonly #refusals = new RateLimit(MAX_REFUSALS_PER_SECOND);
  readonly #pieces = new LoggedPieces((fields) => this.#log.info("requests", bounded(fields)));
  #unlogged = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Logs a finished or refused request; without `code` it succeeded. Unless details are logged, the
   * pieces of a file that follow each other have a line together.
   */
  finished(request: LoggedRequest, start: number, fields: LogFields = {}): void {
    if (fields.code === ERRORS.tooManyRequests.code && !this.#mayLogRefusal()) return;
    if (!this.#log.isLogged("info")) return;
    const ms = Math.round((performance.now() - start) * 1000) / 1000;
    if (!this.#log.isLogged("debug") && this.#pieces.take(request.method, fields, ms)) return;
    this.#log.info("request", {
      id: shortened(request.id),
      method: request.method.slice(0, MAX_SHOWN_CHARACTERS),
      ms,
      outcome: fields.code === undefined ? "ok" : "error",
      ...bounded(
        fields.reason === undefined ? fields : { ...fields, reason: withoutValue(fields.reason) },
      ),
    });
  }

  /** Logs what has not been logged yet. */
  flush(): void {
    this.#pieces.end();
  }

  /** Logs a message that is not a request. */
  malformed(error: RpcError, id?: CallId): void {
    if (!this.#mayLogRefusal()) return;
    const { code, kind, data } = error;
    // The parser's message quotes the line, which may contain secrets.
    const reason = kind === "parseError" ? "not UTF-8, or not JSON" : withoutValue(data.reason);
    this.#log.warn("malformed request", bounded({ id: shortened(id), code, reason }));
  }

  /** Logs a bug in the agent with its stack. */
  fault(message: string, error: unknown, request: LoggedRequest): void {
    this.#log.error(message, {
      id: shortened(request.id),
      method: request.method,
      error: stackOf(error),
    });
  }

  #mayLogRefusal(): boolean {
    if (this.#refusals.take() > 0) {
      this.#unlogged += 1;
      return false;
    }
    if (this.#unlogged > 0) {
      this.#log.warn("refusals not logged individually", { count: this.#unlogged });
      this.#unlogged = 0;
    }
    return true;
  }
}
