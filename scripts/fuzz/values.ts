/**
 * Values that have broken programs before, and random ones between them.
 *
 * @module
 */

import type { Random } from "./random.ts";

const STRINGS = [
  "",
  " ",
  "\0",
  "\n",
  "\r\n",
  "\ufeff",
  "\u2028",
  "\ud800",
  "\udc00",
  "é",
  "e\u0301",
  "😀",
  "ß",
  "İ",
  "..",
  ".",
  "/",
  "//",
  "~",
  "*",
  "-rf",
  "--",
  "$(id)",
  "`id`",
  "%s%n",
  "'",
  '"',
  "\\",
  "__proto__",
  "constructor",
  "toString",
  "null",
  "true",
  "0",
  "-1",
  "1e999",
  "0777",
  "AAAA",
  "AA==",
  "A===",
  "utf8",
  "base64",
  "2.0",
] as const;

const NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.5,
  1.5,
  255,
  256,
  4096,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 63,
  -(2 ** 53),
  1e21,
  1e-7,
  1e308,
] as const;

/** Text: one of the known ones, several of them together, or any characters. */
export function text(random: Random): string {
  switch (random.below(6)) {
    case 0:
      return random.many(4, () => random.pick(STRINGS)).join("");
    case 1:
      return String.fromCharCode(...random.many(20, () => random.below(0x1_0000)));
    case 2:
      return String.fromCharCode(...random.many(20, () => random.between(0x20, 0x7e)));
    case 3:
      return random.pick(STRINGS).repeat(random.below(random.oneIn(10) ? 5000 : 20));
    default:
      return random.pick(STRINGS);
  }
}

/** A number that JSON can express. */
export const number = (random: Random): number =>
  random.oneIn(3) ? random.between(-1000, 1000) : random.pick(NUMBERS);

/** Any JSON value, nested no deeper than `depth`. */
export function json(random: Random, depth = 3): unknown {
  const kind = random.below(depth > 0 ? 8 : 6);
  if (kind === 0) return null;
  if (kind === 1) return random.oneIn(2);
  if (kind <= 3) return number(random);
  if (kind <= 5) return text(random);
  const inner = () => json(random, depth - 1);
  if (kind === 6) return random.many(4, inner);
  return Object.fromEntries(random.many(4, () => [text(random), inner()]));
}

/** Replacements for a byte: characters special to JSON and lines, and any others. */
const BYTES = [0x00, 0x0a, 0x0d, 0x20, 0x22, 0x2c, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x80, 0xc3, 0xff];

/** The bytes with a few changes: replaced, removed, doubled or moved. */
export function mutated(random: Random, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let result = [...bytes];
  for (let changes = random.between(1, 4); changes > 0; changes--) {
    const at = random.below(result.length + 1);
    const length = random.below(random.oneIn(4) ? 50 : 4);
    const piece = result.slice(at, at + length);
    switch (random.below(4)) {
      case 0:
        result[at] = random.oneIn(2) ? random.pick(BYTES) : random.below(256);
        break;
      case 1:
        result.splice(at, length);
        break;
      case 2:
        result.splice(at, 0, ...piece, ...piece);
        break;
      default: {
        const to = random.below(result.length + 1);
        result = [...result.slice(0, to), ...piece, ...result.slice(to)];
      }
    }
  }
  return Uint8Array.from(result);
}
