/**
 * Errors between the host and an agent.
 *
 * @module
 */

import { ERRORS } from "../lib/base/errors.ts";

/** The agent answered with an error (JSON-RPC 2.0, section 5.1). */
export class AnswerError extends Error {
  /** For programs that compare names. */
  override readonly name = "AnswerError";

  /**
   * The error as received.
   *
   * @param code The error's code; docs/protocol.md lists them.
   * @param data What the agent adds, such as the reason.
   */
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

/**
 * An error, or in its place a {@link CallError} if an agent that is stopping has answered: its next
 * run can do what this one did not start.
 */
export function fromStopping(error: unknown): unknown {
  if (!(error instanceof AnswerError)) return error;
  const { data } = error;
  const isStopping = typeof data === "object" && data !== null && "stopping" in data &&
    data.stopping === true;
  return isStopping ? new CallError(error.reason, "not served") : error;
}

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

const REASONS: readonly CallErrorReason[] = [
  "no socket",
  "not served",
  "permission denied",
  "in use",
  "timeout",
  "connection lost",
  "closed",
  "invalid result",
];

/** A call got no valid answer: the channel is not served, there is no answer, or it is invalid. */
export class CallError extends Error {
  /** For programs that compare names. */
  override readonly name = "CallError";

  /**
   * A failure before the answer, or instead of it.
   *
   * @param message What happened, for a person.
   * @param reason What happened, for programs.
   * @param wasSent Whether the request may have reached the agent and been carried out.
   */
  constructor(message: string, readonly reason: CallErrorReason, readonly wasSent = false) {
    super(message);
  }
}

/** Whether an error is that of a call, with or without an answer: any other is this program's fault. */
export const isFailedCall = (error: unknown): error is CallError | AnswerError =>
  error instanceof CallError || error instanceof AnswerError;

/** The codes of the daemon's errors, beside those of the protocol; see docs/host.md. */
export const HOST_ERRORS = {
  /** The agent cannot be reached; nothing was done. */
  noAgent: { code: -32010, message: "No agent" },
  /** This host has no such VM, or several of that name. */
  notOnThisHost: { code: -32011, message: "Not on this host" },
  /** The client cancelled the call. */
  cancelled: { code: -32012, message: "Cancelled" },
  /** The request was sent and its answer never came: it may have been carried out. */
  outcomeUnknown: { code: -32013, message: "Outcome unknown" },
} as const;

/**
 * An error on a connection to the daemon, as it would be on the agent's own channel: the daemon's
 * answer that there is none becomes a {@link CallError}.
 */
export function fromDaemon(error: unknown): unknown {
  if (!(error instanceof AnswerError)) return error;
  const { noAgent, notOnThisHost, outcomeUnknown } = HOST_ERRORS;
  if (error.code === notOnThisHost.code) return new CallError(error.reason, "no socket");
  if (error.code !== noAgent.code && error.code !== outcomeUnknown.code) return error;
  const { data } = error;
  const cause = typeof data === "object" && data !== null && "cause" in data
    ? REASONS.find((reason) => reason === data.cause)
    : undefined;
  return new CallError(
    error.reason,
    cause ?? "connection lost",
    error.code === outcomeUnknown.code,
  );
}

/** Whether it is unknown what became of a call. */
export const isOutcomeUnknown = (error: unknown): boolean =>
  error instanceof CallError && error.wasSent ||
  error instanceof AnswerError && error.code === HOST_ERRORS.outcomeUnknown.code;

/** The result of a call, or `undefined` if the agent answered with an error. */
export async function unlessRefused<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof AnswerError) return undefined;
    throw error;
  }
}
