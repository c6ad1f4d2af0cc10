import * as z from "zod";
import { assert, assertEquals } from "@std/assert";
import { METHODS } from "../../../handlers/mod.ts";
import { MAX_BATCH_MEMBERS } from "../../../lib/dialects/jsonrpc/batch.ts";
import { isMalformed, parseLine, readRequest } from "../../../lib/dialects/jsonrpc/messages.ts";
import { FuzzAgent } from "../agent.ts";
import { type Answer, answersIn, assertNoFault } from "../answers.ts";
import type { Random } from "../random.ts";
import { target } from "../target.ts";
import { mutated } from "../values.ts";
import { requestText } from "./messages.ts";

/**
 * The executor: each request gets one answer with its id, each notification none, whatever else is
 * in the batch; every answer is valid JSON-RPC and within the limit.
 */
export const requests = target({
  name: "requests",
  input: z.strictObject({ line: z.string() }),
  generate: (random) => ({ line: generate(random) }),
  open: async () => {
    const agent = await FuzzAgent.start();
    return {
      check: async ({ line }) => {
        const sent = await agent.exchange(line);
        const answers = sent.flatMap(answersIn);
        answers.forEach(assertNoFault);
        checkAnswers(line, sent.length, answers);
      },
      [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
    };
  },
});

const NAMES = METHODS.map(({ name }) => name);

function generate(random: Random): string {
  const one = () => requestText(random, random.oneIn(6) ? undefined : random.pick(NAMES));
  const members = random.oneIn(10) ? 2 * MAX_BATCH_MEMBERS : 12;
  const line = random.oneIn(3) ? `[${random.many(members, one).join(",")}]` : one();
  if (!random.oneIn(4)) return line;
  return new TextDecoder().decode(mutated(random, new TextEncoder().encode(line)));
}

/** What the specification requires, derived from the line alone. */
function checkAnswers(line: string, lines: number, answers: readonly Answer[]): void {
  let value: unknown;
  try {
    value = parseLine(line);
  } catch {
    assertEquals([lines, answers.length], [1, 1], "what is no JSON has one answer");
    assertEquals(answers[0]?.id, null);
    return;
  }
  const isBatch = Array.isArray(value) && value.length > 0;
  const items: readonly unknown[] = Array.isArray(value) && isBatch ? value : [value];
  const owed = items.flatMap((item) => {
    const request = readRequest(item);
    if (isMalformed(request)) return [request.id];
    return request.id === undefined ? [] : [request.id];
  });
  assertEquals(lines, owed.length === 0 ? 0 : 1, "one line for a line");
  if (owed.length === 0) return;
  // One error replaces all if there is no room, or if the batch has too many members.
  if (items.length > MAX_BATCH_MEMBERS) assertEquals(answers.map(({ id }) => id), [null]);
  if (isBatch && answers.length === 1 && answers[0]?.id === null) return;
  const sorted = (ids: readonly unknown[]) => ids.map((id) => JSON.stringify(id)).sort();
  const got = sorted(answers.map(({ id }) => id));
  const want = sorted(owed.map((id): unknown => JSON.parse(JSON.stringify(id))));
  assertEquals(got.length, want.length, "each request has one answer");
  // An id that leaves no room for its answer is returned as null.
  const missing = want.filter((id) => !got.includes(id));
  assert(missing.every((id) => id.length > 1000), `an answer for each id: ${missing}`);
}
