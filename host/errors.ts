/**
 * Errors between the host and an agent.
 *
 * @module
 */

import { ERRORS } from "../lib/base/errors.ts";

/** The agent answered with an error (JSON-RPC 2.0, section 5.1). */
export class AnswerError extends Error {
  override readonly name = "AnswerError";

  constructor(readonly code: number, message: string, readonly data: unknown) {
    super(message);
  }

  /** The error as received. */
  toJSON(): { code: number; message: string; data: unknown } {
    return { code: this.code, message: this.message, data: this.data };
  }

  /** The agent's explanation, or the error code's standard text if it gave none. */
  get reason(): string {
    const { data } = this;
    return typeof data === "object" && data !== null && "reason" in data &&
        typeof data.reason === "string"
      ? data.reason
      : this.message;
  }

  /** Whether the agent lacks the method, because it is older than this client. */
  get isUnknownMethod(): boolean {
    return this.code === ERRORS.methodNotFound.code;
  }

  /** Milliseconds to wait before retrying; `undefined` unless the call was rate-limited. */
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

/** Why a call got no valid answer. */
export type CallErrorReason =
  | "no socket"
  | "not served"
  | "permission denied"
  | "in use"
  | "timeout"
  | "connection lost"
  | "closed"
  | "invalid result";

/** A call got no valid answer: the channel is not served, there is no answer, or it is invalid. */
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
