/**
 * The same random streams of tokens and bytes to Debian's qemu-ga and to our agent: both give the
 * same number of answers, with errors of the same classes at the same places.
 *
 * @module
 */

import { fail } from "@std/assert";
import fc from "fast-check";
import { withBoth } from "./_both.ts";
import { INSTALLED } from "./_references.ts";
import type { Answer, Peer } from "./_peer.ts";

/** How long it goes on; it is the same work however loaded the machine is, only less of it. */
const DURATION_MS = 10_000;
const TOKENS_PER_STREAM = 25;
const STREAMS_PER_SEED = 20;

/** Harmless commands: none of them changes anything, whatever its arguments. */
const COMMANDS = [
  "guest-ping",
  "guest-sync",
  "guest-sync-delimited",
  "guest-file-close",
  "guest-exec-status",
  "guest-get-vcpus",
  "guest-nonsense",
] as const;

const request = fc.record({
  execute: fc.constantFrom(...COMMANDS),
  arguments: fc.option(fc.dictionary(fc.constantFrom("id", "pid", "handle", "x"), fc.jsonValue())),
  id: fc.option(fc.jsonValue(), { nil: undefined }),
}, { requiredKeys: ["execute"] }).map((value) => JSON.stringify(value));

const text = fc.oneof(
  { weight: 4, arbitrary: request },
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      ...["{", "}", "[", "]", ":", ",", '"', "'", "\\", "\n", " ", "\t", "\0", "\x1f"],
      ...['"execute"', '"arguments"', '"id"', '"guest-ping"', "'guest-ping'", '"\\u00e9"'],
      ...['"\\ud800"', '"\\n"', '"\\x"', '"a', "'a", "true", "false", "null", "nul", "True"],
      ...["0", "-0", "01", "1", "-", "-1", "1.5", "1.", "1e3", "1e", "9223372036854775807"],
      ...["9223372036854775808", "18446744073709551616", "1e400", "é", "€", "😀", "%", "a", "Z"],
    ),
  },
);

const piece = fc.oneof(
  { weight: 8, arbitrary: text.map((value) => new TextEncoder().encode(value)) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom(Uint8Array.of(0xff), Uint8Array.of(0xfe)) },
);

/** The end gets both parsers out of whatever they are in the middle of. */
const stream = fc.array(piece, { minLength: 1, maxLength: TOKENS_PER_STREAM })
  .map((pieces) => Uint8Array.from([...pieces.flatMap((bytes) => [...bytes]), 0xff]));

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What must be the same: the class of an error, or that there is a result, and a delimiter. */
const kindsOf = (answers: readonly Answer[]): string =>
  answers.map(({ isDelimited, value }) => {
    const error = isObject(value) && isObject(value.error) ? value.error.class : "return";
    return `${isDelimited ? "0xFF " : ""}${error}`;
  }).join(", ");

Deno.test("random streams get answers of the same kinds from qemu-ga and from our agent", async () => {
  await withBoth(INSTALLED, async (theirs, ours) => {
    const deadline = performance.now() + DURATION_MS;
    while (performance.now() < deadline) {
      const seed = Math.floor(Math.random() * 2 ** 31);
      for (const bytes of fc.sample(stream, { numRuns: STREAMS_PER_SEED, seed })) {
        await compare(bytes, theirs, ours);
      }
    }
  });
});

async function compare(bytes: Uint8Array, theirs: Peer, ours: Peer): Promise<void> {
  const entry = { n: 0, name: "random", class: "exact", hex: bytes.toHex() } as const;
  const [expected, actual] = await Promise.all([theirs.ask(entry), ours.ask(entry)]);
  const [one, other] = [kindsOf(expected), kindsOf(actual)];
  if (one === other) return;
  fail(
    `${JSON.stringify(new TextDecoder().decode(bytes))} ` +
      `(${bytes.toHex()}): qemu-ga answers [${one}], our agent [${other}]`,
  );
}
