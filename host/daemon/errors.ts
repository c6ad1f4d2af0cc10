/**
 * Errors of the daemon itself; those of an agent are passed on unchanged.
 *
 * @module
 */

import { AnswerError, CallError, type CallErrorReason, HOST_ERRORS } from "../errors.ts";

/** A row of {@link HOST_ERRORS}. */
export type HostErrorName = keyof typeof HOST_ERRORS;

/** The members of `error.data`. */
export interface HostErrorData {
  /** For a person. */
  readonly reason: string;
  /** Whether the request may have reached the agent. */
  readonly was_sent: boolean;
  /** Why the agent could not be reached, for programs. */
  readonly cause?: CallErrorReason;
}

/** An error of the daemon. */
export class HostError extends Error {
  override readonly name = "HostError";
  readonly code: number;

  constructor(kind: HostErrorName, readonly data: HostErrorData) {
    super(HOST_ERRORS[kind].message);
    this.code = HOST_ERRORS[kind].code;
  }

  /** The `error` member of a reply. */
  toJSON(): { code: number; message: string; data: HostErrorData } {
    return { code: this.code, message: this.message, data: this.data };
  }
}

/** No VM, or several, for what a client named. */
export const notOnThisHost = (reason: string): HostError =>
  new HostError("notOnThisHost", { reason, was_sent: false });

/** A call to an agent that failed, as the client gets it; other errors are the daemon's bugs. */
export function toHostError(error: unknown): AnswerError | HostError | undefined {
  if (error instanceof AnswerError || error instanceof HostError) return error;
  if (!(error instanceof CallError)) return undefined;
  const { message, reason, wasSent } = error;
  return new HostError(wasSent ? "outcomeUnknown" : "noAgent", {
    reason: message,
    was_sent: wasSent,
    cause: reason,
  });
}
