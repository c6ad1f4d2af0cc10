/**
 * Classifying the lines of an agent: answers, notifications, and everything else.
 *
 * @module
 */

import * as z from "zod";
import { AnswerError } from "./errors.ts";

/** A notification of the agent. */
export interface Notification {
  /** Its name, such as `agent_ready`. */
  readonly method: string;
  /** As received. */
  readonly params: unknown;
}

/** A classified line. An answer has either an error or a result. */
export type Incoming =
  | { readonly kind: "notification"; readonly notification: Notification }
  | {
    readonly kind: "answer";
    readonly id: string;
    readonly error: AnswerError | undefined;
    readonly result: unknown;
  }
  | { readonly kind: "foreign" };

const WireError = z.looseObject({
  code: z.number(),
  message: z.string(),
  data: z.optional(z.unknown()),
});

const Answer = z.looseObject({
  id: z.string(),
  result: z.optional(z.unknown()),
  error: z.optional(WireError),
});

const NotificationMessage = z.looseObject({
  method: z.string(),
  params: z.optional(z.unknown()),
  id: z.optional(z.undefined()),
});

/** Parses a line (JSON-RPC 2.0, sections 4.1 and 5). This client never uses ids of other types. */
export function readIncoming(line: string): Incoming {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    return { kind: "foreign" };
  }
  // Describing why an answer is no notification takes six times as long as reading it.
  if (typeof message === "object" && message !== null && "method" in message) {
    const notification = z.safeParse(NotificationMessage, message);
    if (notification.success) {
      const { method, params } = notification.data;
      return { kind: "notification", notification: { method, params } };
    }
  }
  const answer = z.safeParse(Answer, message);
  if (!answer.success) return { kind: "foreign" };
  const { id, error, result } = answer.data;
  return {
    kind: "answer",
    id,
    result,
    error: error && new AnswerError(error.code, error.message, error.data),
  };
}
