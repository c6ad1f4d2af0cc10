/**
 * What the agent and the broker say to each other: JSON, one message per line.
 *
 * A connection carries one request. Only a broker that keeps file systems frozen takes more: the
 * thaw, and questions about the freeze. If it thaws by itself, it says so before it exits.
 *
 * An operation that runs in the background says when its program runs and passes on its output
 * before it answers; `cancel` on the same connection stops it.
 *
 * @module
 */

import * as z from "zod";
import { type ErrorName, ERRORS, RpcError } from "../base/errors.ts";
import { lazily } from "../base/lazily.ts";
import { FREEZE_ENDINGS } from "./filesystems.ts";

/** The longest message, in bytes. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;

/** The outputs of a program in the background. */
export const OUTPUT_STREAMS = ["stdout", "stderr"] as const;

const requestSchema = lazily(() =>
  z.strictObject({
    operation: z.string(),
    params: z.unknown(),
    /** Milliseconds since 1970, by the guest's clock. */
    sent_at_ms: z.number(),
  })
);

const isErrorName = (kind: string): kind is ErrorName => Object.hasOwn(ERRORS, kind);

const answerSchema = lazily(() =>
  z.union([
    z.strictObject({ result: z.unknown() }),
    z.strictObject({
      error: z.strictObject({
        kind: z.string().check(z.refine(isErrorName)),
        reason: z.string(),
        details: z.record(z.string(), z.unknown()),
      }),
    }),
    z.strictObject({ thawed: z.enum(FREEZE_ENDINGS) }),
    z.strictObject({ started: z.strictObject({ pid: z.int() }) }),
    z.strictObject({ stream: z.enum(OUTPUT_STREAMS), base64: z.string() }),
  ])
);

/** The request that stops an operation in the background. */
export const CANCEL = "cancel";

/** A request to the broker. */
export type BrokerRequest = z.output<ReturnType<typeof requestSchema>>;

/** An answer of the broker, or one of its messages that come without or before an answer. */
export type BrokerAnswer = z.output<ReturnType<typeof answerSchema>>;

/** A request from the text of a line; `undefined` if it is not one. */
export const parseRequest = (text: string): BrokerRequest | undefined =>
  parsed(requestSchema(), text);

/** An answer from the text of a line; `undefined` if it is not one. */
export const parseAnswer = (text: string): BrokerAnswer | undefined => parsed(answerSchema(), text);

function parsed<Schema extends z.ZodMiniType>(
  schema: Schema,
  text: string,
): z.output<Schema> | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return undefined;
  }
  return z.safeParse(schema, raw).data;
}

/** The answer for an error. */
export function errorAnswer({ kind, data: { reason, ...details } }: RpcError): BrokerAnswer {
  return { error: { kind, reason, details } };
}

/** The error of an answer. */
export function errorFrom(
  { kind, reason, details }: Extract<BrokerAnswer, { error: unknown }>["error"],
): RpcError {
  if (!isErrorName(kind)) throw new Error(`unknown kind of error: ${kind}`);
  return new RpcError(kind, reason, details);
}

/** A message as the bytes of its line. Paths that are not UTF-8 are only shown: see `textOfPaths`. */
export const lineOf = (message: BrokerRequest | BrokerAnswer): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(`${JSON.stringify(message, wellFormed)}\n`);

const wellFormed = (_: string, value: unknown) =>
  typeof value === "string" ? value.toWellFormed() : value;
