/**
 * What can go wrong between the host and an agent.
 *
 * @module
 */

import { ERRORS } from "../lib/base/errors.ts";

/** An error answer of the agent (JSON-RPC 2.0, section 5.1). */
export class AnswerError extends Error {
  override readonly name = "AnswerError";

  constructor(readonly code: number, message: string, readonly data: unknown) {
    super(message);
  }

  /** As it came over the wire. */
  toJSON(): { code: number; message: string; data: unknown } {
    return { code: this.code, message: this.message, data: this.data };
  }

  /** Why, in the agent's words; the table's text where it gave none. */
  get reason(): string {
    const { data } = this;
    return typeof data === "object" && data !== null && "reason" in data &&
        typeof data.reason === "string"
      ? data.reason
      : this.message;
  }

  /** Whether the agent does not know the method: it is older than who asked. */
  get isUnknownMethod(): boolean {
    return this.code === ERRORS.methodNotFound.code;
  }

  /** How long to wait before asking again, in milliseconds, where it was asked too much. */
  get retryAfterMs(): number | undefined {
    if (this.code !== ERRORS.tooManyRequests.code) return undefined;
    const { data } = this;
    return typeof data === "object" && data !== null && "retry_after_ms" in data &&
        typeof data.retry_after_ms === "number" && data.retry_after_ms >= 0
      ? data.retry_after_ms
      : DEFAULT_RETRY_MS;
  }
}

const DEFAULT_RETRY_MS = 100;

/** Why there was no answer. */
export type CallErrorReason =
  | "no socket"
  | "not served"
  | "permission denied"
  | "timeout"
  | "connection lost"
  | "closed"
  | "invalid result";

/** There is no agent at the other side, or none that answers. */
export class CallError extends Error {
  override readonly name = "CallError";

  /**
   * @param reason What happened, for programs.
   * @param wasSent Whether the request may have reached the agent and been carried out.
   */
  constructor(message: string, readonly reason: CallErrorReason, readonly wasSent = false) {
    super(message);
  }
}
