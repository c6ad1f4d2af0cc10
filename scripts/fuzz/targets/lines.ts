import * as z from "zod";
import { assertEquals } from "@std/assert";
import { LineSplitter } from "../../../lib/dialects/jsonrpc/line_splitter.ts";
import type { Random } from "../random.ts";
import { target } from "../target.ts";
import { mutated, text } from "../values.ts";

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

const Input = z.strictObject({
  /** What arrives, in base64. */
  bytes: z.string(),
  /** Lengths of the pieces that it arrives in; the rest comes in one. */
  cuts: z.array(z.int().check(z.gte(0))),
  limit: z.int().check(z.gte(1)),
});

/** What the splitter reported, in order: the line's text, or what was wrong with it. */
type Told = { readonly line: string } | "too long" | "not UTF-8";

/** The line splitter reports the same, correct messages however the bytes arrive. */
export const lines = target({
  name: "lines",
  input: Input,
  generate,
  open: () => ({ bytes: encoded, cuts, limit }) => {
    const bytes = Uint8Array.fromBase64(encoded);
    const expected = model(bytes, limit);
    assertEquals(split([bytes], limit), expected, "in one piece");
    assertEquals(split(pieces(bytes, cuts), limit), expected, "in pieces");
    assertEquals(split(pieces(bytes, bytes.map(() => 1)), limit), expected, "byte by byte");
  },
});

function generate(random: Random) {
  const encoder = new TextEncoder();
  const limit = random.pick([1, 2, 7, 16, 64, 1024, 1500]);
  const parts = random.many(8, () => {
    const line = random.oneIn(3)
      ? "x".repeat(Math.max(0, limit + random.between(-3, 3)))
      : text(random);
    const end = random.pick(["\n", "\n", "\r\n", "\r\r\n", "", "\r"]);
    return encoder.encode(line + end);
  });
  const whole = Uint8Array.from(parts.flatMap((part) => [...part]));
  const bytes = random.oneIn(2) ? whole : mutated(random, whole);
  const cuts = random.many(30, () => random.below(random.oneIn(5) ? limit + 3 : 5));
  return { bytes: bytes.toBase64(), cuts, limit };
}

function split(chunks: Iterable<Uint8Array>, limit: number): Told[] {
  const told: Told[] = [];
  const splitter = new LineSplitter(limit, {
    onLine: (line) => void told.push({ line }),
    onTooLong: () => void told.push("too long"),
    onNotUtf8: () => void told.push("not UTF-8"),
  });
  for (const chunk of chunks) {
    // The caller reads into the same buffer repeatedly.
    const reused = chunk.slice();
    splitter.push(reused);
    reused.fill(0xff);
  }
  return told;
}

function* pieces(bytes: Uint8Array, lengths: Iterable<number>): Generator<Uint8Array> {
  let start = 0;
  for (const length of lengths) {
    yield bytes.subarray(start, start + length);
    start += length;
  }
  yield bytes.subarray(start);
}

/** The same by definition: cut at newlines, then judge each line by itself. */
function model(bytes: Uint8Array, limit: number): Told[] {
  const told: Told[] = [];
  for (let start = 0; start <= bytes.byteLength;) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end < 0) {
      // One byte more than the limit may still be the carriage return before a newline.
      if (bytes.byteLength - start > limit + 1) told.push("too long");
      break;
    }
    const raw = bytes.subarray(start, end);
    const line = raw.at(-1) === CARRIAGE_RETURN ? raw.subarray(0, -1) : raw;
    if (line.byteLength > limit) told.push("too long");
    else if (line.byteLength > 0) told.push(decoded(line));
    start = end + 1;
  }
  return told;
}

function decoded(line: Uint8Array): Told {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { line: decoder.decode(line) };
  } catch {
    return "not UTF-8";
  }
}
