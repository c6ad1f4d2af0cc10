import * as z from "zod";
import { assert, assertEquals } from "@std/assert";
import { ERRORS } from "../../../lib/base/errors.ts";
import {
  errorText,
  isMalformed,
  parseLine,
  readRequest,
} from "../../../lib/dialects/jsonrpc/messages.ts";
import type { Random } from "../random.ts";
import { target } from "../target.ts";
import { json, mutated, number, text } from "../values.ts";

const IDS = ["1", '"a"', "null", "1.50", "1e3", "12345678901234567890", "-9223372036854775808"];

/**
 * The parser classifies every line correctly, and an id is returned unchanged, to the last digit.
 */
export const messages = target({
  name: "messages",
  input: z.strictObject({ line: z.string() }),
  generate: (random) => ({ line: generate(random) }),
  open: () => ({ line }) => check(line),
});

function generate(random: Random): string {
  const message = random.oneIn(5) ? JSON.stringify(json(random)) : requestText(random);
  const line = random.oneIn(8) ? `[${random.many(4, () => message).join(",")}]` : message;
  if (!random.oneIn(3)) return line;
  return new TextDecoder().decode(mutated(random, new TextEncoder().encode(line)));
}

/** A request's text, almost valid; a number as `id` may be written in many ways. */
export function requestText(random: Random, method = text(random)): string {
  const id = random.oneIn(2) ? random.pick(IDS) : JSON.stringify(json(random, 1));
  const members = [
    `"jsonrpc":${random.oneIn(10) ? JSON.stringify(text(random)) : '"2.0"'}`,
    `"method":${JSON.stringify(random.oneIn(20) ? number(random) : method)}`,
    ...(random.oneIn(2) ? [`"params":${JSON.stringify(json(random, 2))}`] : []),
    ...(random.oneIn(4) ? [] : [`"id":${id}`]),
    ...(random.oneIn(10) ? [`${JSON.stringify(text(random))}:${id}`] : []),
  ];
  return `{${members.sort(() => random.oneIn(2) ? 1 : -1).join(",")}}`;
}

function check(line: string): void {
  let value: unknown;
  try {
    value = parseLine(line);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    let isJson = true;
    try {
      JSON.parse(line);
    } catch {
      isJson = false;
    }
    assert(!isJson, "the parser refuses only text that is not JSON");
    return;
  }
  for (const message of Array.isArray(value) ? value : [value]) checkMessage(message, line);
}

function checkMessage(message: unknown, line: string): void {
  const request = readRequest(message);
  if (isMalformed(request)) {
    assertEquals(request.error.code, ERRORS.invalidRequest.code);
    JSON.parse(errorText(request.id, request.error));
    return;
  }
  assertEquals(typeof request.method, "string");
  assertEquals(typeof request.params, "object");
  if (request.id === undefined || typeof request.id === "string") return;
  const back = JSON.stringify(request.id);
  // A number in another notation with the same value may be written in JavaScript's notation.
  const isExact = typeof request.id === "number" && Number.isFinite(request.id);
  assert(isExact || line.includes(back), `the id came as ${back}`);
}
