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

/** An answer with a result, as agents and the daemon write it, taken apart without parsing it. */
export interface PlainAnswer {
  readonly id: string;
  /** The result's JSON, if the line is JSON. */
  readonly resultText: string;
}

const RESULT = '{"jsonrpc":"2.0","result":';
const ID = ',"id":"';
const END = '"}';

/**
 * Takes an answer apart; `undefined` if it is written in any other way. If `resultText` is one JSON
 * value and the id has no characters that JSON escapes, the line has exactly this meaning.
 */
export function splitAnswer(line: string): PlainAnswer | undefined {
  if (!line.startsWith(RESULT) || !line.endsWith(END)) return undefined;
  const at = line.lastIndexOf(ID);
  if (at < RESULT.length) return undefined;
  return {
    id: line.slice(at + ID.length, -END.length),
    resultText: line.slice(RESULT.length, at),
  };
}

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
