/**
 * Answers to commands: the statuses that clients of the protocol know, and the text of an answer.
 *
 * @module
 */

import * as z from "zod";

/** Statuses that the command monitor itself answers with; everything else is a handler's own. */
export const STATUS = {
  ok: 0,
  /** Nobody has registered a handler of that name. */
  noHandler: 101,
  /** Not JSON, no name, or too large. */
  badRequest: 102,
  /** There is no connection, which clients say themselves, or it ended within the request. */
  connection: 103,
  /** No whole request in time. */
  timeout: 104,
  /** The handler failed; the message is its error. */
  handlerFailed: 105,
  /** A fault of the agent; its log has the details. */
  internal: 106,
} as const;

/** One of {@link STATUS}. */
export type Status = (typeof STATUS)[keyof typeof STATUS];

/** What every answer begins with for a person. */
const MEANINGS: Readonly<Record<Exclude<Status, 0 | 105>, string>> = {
  [STATUS.noHandler]: "No handler for this command",
  [STATUS.badRequest]: "Bad request",
  [STATUS.connection]: "Connection error",
  [STATUS.timeout]: "Timeout before a whole request",
  [STATUS.internal]: "Internal error",
};

const AnswerSchema = z.looseObject({ Status: z.int(), StatusMessage: z.string() });

/** An answer: `Status` 0 is success, `StatusMessage` is for a person, more is the handler's own. */
export type CommandAnswer = z.output<typeof AnswerSchema>;

/** An answer that the monitor gives itself. */
export function refusal(status: keyof typeof MEANINGS, reason: string): CommandAnswer {
  return { Status: status, StatusMessage: `${MEANINGS[status]}: ${reason}` };
}

/** The answer for a handler that failed. */
export const failure = (message: string): CommandAnswer => ({
  Status: STATUS.handlerFailed,
  StatusMessage: message,
});

/** The value as an answer, or `undefined` for what is none. */
export function readAnswer(value: unknown): CommandAnswer | undefined {
  const result = z.safeParse(AnswerSchema, value);
  return result.success ? result.data : undefined;
}
