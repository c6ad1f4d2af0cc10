import * as z from "zod";
import { assert, assertEquals } from "@std/assert";
import { BadRequestError, readCommand } from "../../../lib/monitor/command_request.ts";
import { RequestScanner, type Scanned } from "../../../lib/monitor/request_scanner.ts";
import type { Random } from "../random.ts";
import { target } from "../target.ts";
import { json, mutated, text } from "../values.ts";

const Input = z.strictObject({
  /** What a client sends, in base64. */
  bytes: z.string(),
  /** Lengths of the pieces that it arrives in. */
  cuts: z.array(z.int().check(z.gte(0))),
});

/**
 * The command monitor's request scanner finds the same end however the bytes arrive, and the same
 * as a scan byte by byte; a JSON object is always received completely and parsed.
 */
export const commands = target({
  name: "commands",
  input: Input,
  generate,
  open: () => ({ bytes, cuts }) => check(Uint8Array.fromBase64(bytes), cuts),
});

function generate(random: Random) {
  const object = Object.fromEntries([
    ["Name", random.oneIn(4) ? text(random) : "agent.Ping"],
    ...random.many(4, () => [text(random), json(random)]),
  ]);
  const before = random.pick(["", "", " ", "\n\t", "x"]);
  const whole = new TextEncoder().encode(
    before + JSON.stringify(object) + (random.oneIn(3) ? text(random) : ""),
  );
  const bytes = random.oneIn(2) ? whole : mutated(random, whole);
  return { bytes: bytes.toBase64(), cuts: random.many(40, () => random.below(6)) };
}

function check(bytes: Uint8Array, cuts: readonly number[]): void {
  const expected = model(bytes);
  assertEquals(scan(bytes, [bytes.byteLength]), expected, "in one piece");
  assertEquals(scan(bytes, cuts), expected, "in pieces");
  assertEquals(scan(bytes, [...bytes].map(() => 1)), expected, "byte by byte");
  checkWholeObject(bytes, expected);
  if (typeof expected === "string") return;
  try {
    const decoded = new TextDecoder().decode(bytes.subarray(0, expected.end));
    assertEquals(readCommand(decoded).text, decoded);
  } catch (error) {
    assert(error instanceof BadRequestError, `a refusal, not ${error}`);
  }
}

/** What JSON.parse() accepts as an object ends where the scanner says. */
function checkWholeObject(bytes: Uint8Array, scanned: Scanned): void {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return;
  assert(typeof scanned !== "string", "a whole object is found");
  const rest = new TextDecoder().decode(bytes.subarray(scanned.end));
  assertEquals(rest.trim(), "", "nothing of the object is left over");
}

function scan(bytes: Uint8Array, lengths: readonly number[]): Scanned {
  const scanner = new RequestScanner();
  let filled = 0;
  for (const length of [...lengths, bytes.byteLength]) {
    const end = Math.min(filled + length, bytes.byteLength);
    const scanned = scanner.scan(bytes, filled, end);
    if (scanned !== "unfinished") return scanned;
    filled = end;
  }
  return "unfinished";
}

/** The same by definition: one byte at a time. */
function model(bytes: Uint8Array): Scanned {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < bytes.byteLength; at++) {
    const character = String.fromCharCode(bytes[at] ?? 0);
    if (isInString) {
      if (character === "\\") at += 1;
      else if (character === '"') isInString = false;
    } else if (character === "{") depth += 1;
    else if (depth === 0) {
      if (!" \t\n\r".includes(character)) return "no object";
    } else if (character === '"') isInString = true;
    else if (character === "}" && --depth === 0) return { end: at + 1 };
  }
  return "unfinished";
}
