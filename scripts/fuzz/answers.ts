/**
 * The fuzzer's definition of an answer (JSON-RPC 2.0, section 5).
 *
 * @module
 */

import * as z from "zod";
import { assert, assertEquals } from "@std/assert";
import { ERRORS } from "../../lib/base/errors.ts";
import { LIMIT_BYTES } from "./agent.ts";

// A number may be infinite to JavaScript: it is returned as it was written.
const isId = (id: unknown) => id === null || typeof id === "string" || typeof id === "number";
const Id = z.custom<string | number | null>(isId);
const codes: readonly number[] = Object.values(ERRORS).map(({ code }) => code);

const Answer = z.union([
  z.strictObject({ jsonrpc: z.literal("2.0"), id: Id, result: z.unknown() }),
  z.strictObject({
    jsonrpc: z.literal("2.0"),
    id: Id,
    error: z.strictObject({
      code: z.int().check(z.refine((code) => codes.includes(code), "a code of the table")),
      message: z.string().check(z.minLength(1)),
      data: z.looseObject({ reason: z.string().check(z.minLength(1)) }),
    }),
  }),
]);

/** An answer: a result, or an error of the table with its reason. */
export type Answer = z.output<typeof Answer>;

/** The answers in one line that was sent: one, or those of a batch. */
export function answersIn(text: string): Answer[] {
  const bytes = new TextEncoder().encode(text).byteLength;
  assert(bytes <= LIMIT_BYTES, `an answer of ${bytes} bytes is over the limit`);
  assert(!text.includes("\n"), "an answer is one line");
  assertNoStack(text);
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) return [z.parse(Answer, value)];
  assert(value.length > 0, "an answer to a batch is never empty");
  return value.map((one) => z.parse(Answer, one));
}

/** Nothing internal is sent. */
function assertNoStack(text: string): void {
  assert(!/file:\/\/\/|\bat [\w.#]+ \(|\.ts:\d+/.test(text), `no stack on the wire: ${text}`);
}

/** The code of an answer that is an error. */
export const codeOf = (answer: Answer): number | undefined =>
  "error" in answer ? answer.error.code : undefined;

/** Fails for an answer that reports a bug in the agent. */
export function assertNoFault(answer: Answer): void {
  assertEquals(codeOf(answer) === ERRORS.internalError.code, false, JSON.stringify(answer));
}
