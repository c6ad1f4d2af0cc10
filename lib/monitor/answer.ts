/**
 * Answers to commands: the statuses that clients of the protocol know, and the text of an answer.
 *
 * @module
 */

import * as z from "zod";

/** The statuses that the command monitor itself answers with; handlers choose all others. */
export const STATUS = {
  ok: 0,
  /** No handler is registered under that name. */
  noHandler: 101,
  /** Not a valid request: not JSON, a name of the wrong type, or too large. */
  badRequest: 102,
  /**
   * The connection ended before the request was complete. Clients also use it for a failed
   * connection.
   */
  connection: 103,
  /** The request was not complete in time. */
  timeout: 104,
  /** The handler failed; the message is its error. */
  handlerFailed: 105,
  /** A bug in the agent; see its log. */
  internal: 106,
} as const;

/** The texts of Google's guest agent, word for word: its clients may compare them. */
const STATUS_MESSAGES = {
  [STATUS.noHandler]: "Could not find a handler for the requested command",
  [STATUS.badRequest]: "Could not parse valid JSON from request",
  [STATUS.connection]: "Connection error",
  [STATUS.timeout]: "Connection timeout before reading valid request",
  [STATUS.internal]:
    "The command server encountered an internal error trying to respond to your request",
} as const;

const AnswerSchema = z.looseObject({ Status: z.int(), StatusMessage: z.string() });

/**
 * An answer: `Status` 0 is success, `StatusMessage` is for people, and the handler may add more.
 */
export type CommandAnswer = z.output<typeof AnswerSchema>;

/**
 * An answer from the monitor itself.
 *
 * @param reason What exactly is wrong, for the member `Reason`. Without it the answer is byte for
 * byte that of Google's guest agent.
 */
export function refusal(status: keyof typeof STATUS_MESSAGES, reason?: string): CommandAnswer {
  const answer = { Status: status, StatusMessage: STATUS_MESSAGES[status] };
  return reason === undefined ? answer : { ...answer, Reason: reason };
}

/** The answer for a handler that failed. */
export const failure = (message: string): CommandAnswer => ({
  Status: STATUS.handlerFailed,
  StatusMessage: message,
});

/** The value as an answer; `undefined` if it lacks `Status` or `StatusMessage`. */
export function readAnswer(value: unknown): CommandAnswer | undefined {
  const result = z.safeParse(AnswerSchema, value);
  return result.success ? result.data : undefined;
}
