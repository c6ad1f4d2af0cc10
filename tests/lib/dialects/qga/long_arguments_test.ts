/** Long arguments, which stay bytes. */

import { assert, assertEquals } from "@std/assert";
import { LongText } from "../../../../lib/base/memory/long_text.ts";
import { StreamParser } from "../../../../lib/dialects/qga/parser.ts";
import { releaseArguments } from "../../../../lib/dialects/qga/requests.ts";
import { cut } from "./_parse.ts";

const CHUNK_BYTES = 64 * 1024;
const LONG = "YWJj".repeat(40_000);

/** The value that a text is, which comes in chunks as from a connection. */
function parse(...texts: readonly string[]): unknown[] {
  const values: unknown[] = [];
  const parser = new StreamParser();
  const sink = {
    onValue: (value: unknown) => {
      values.push(value);
      return false;
    },
    onError: (error: string) => values.push(error),
  };
  for (const text of texts) {
    for (const chunk of cut(new TextEncoder().encode(text), CHUNK_BYTES)) {
      const lent = chunk.slice();
      parser.push(lent, sink);
      lent.fill(0x7b);
    }
  }
  return values;
}

const argumentOf = (value: unknown): unknown => Object(Object(value).arguments)["buf-b64"];

for (const quote of ['"', "'"]) {
  Deno.test(`a long argument in ${quote} stays bytes`, () => {
    const [value] = parse(`{"arguments":{"buf-b64":${quote}${LONG}${quote}},"execute":"x"}`);
    const argument = argumentOf(value);
    assert(argument instanceof LongText);
    assertEquals(String(argument), LONG);
  });
}

Deno.test("long arguments of several requests do not share their bytes", () => {
  const texts = ["YWJj", "ZGVm"].map((group) => group.repeat(40_000));
  const values = parse(...texts.map((text) => `{"arguments":{"buf-b64":"${text}"}}`));
  assertEquals(values.map((value) => String(argumentOf(value))), texts);
});

const STRINGS = {
  "an escape at its beginning": `\\n${LONG}`,
  "an escape at its end": `${LONG}\\n`,
  "a character beyond ASCII": `${LONG}ä${LONG}`,
  "fewer characters": LONG.slice(0, 100_000),
};
for (const [what, text] of Object.entries(STRINGS)) {
  Deno.test(`an argument with ${what} is a string`, () => {
    const [value] = parse(`{"arguments":{"buf-b64":"${text}"}}`);
    assertEquals(argumentOf(value), JSON.parse(`"${text}"`));
  });
}

Deno.test("what is no argument is a string, however long", () => {
  const [execute, id, list, deep] = parse(
    `{"execute":"${LONG}"}`,
    `{"id":"${LONG}"}`,
    `{"arguments":["${LONG}"]}`,
    `{"arguments":{"arg":["${LONG}"]}}`,
  );
  assertEquals(Object(execute).execute, LONG);
  assertEquals(Object(id).id, LONG);
  assertEquals(Object(list).arguments, [LONG]);
  assertEquals(Object(deep).arguments.arg, [LONG]);
});

Deno.test("a long key is a key", () => {
  const [value] = parse(`{"arguments":{"${LONG}":1}}`);
  assertEquals(Object.keys(Object(value).arguments), [LONG]);
});

Deno.test("a long argument that is not ended by its quote is refused as any other", () => {
  const [error] = parse(`{"arguments":{"buf-b64":"${LONG}\n"}}`);
  assertEquals(typeof error, "string");
});

Deno.test("releaseArguments() frees the long arguments of a request", () => {
  const [value] = parse(`{"arguments":{"buf-b64":"${LONG}","handle":1},"execute":"x"}`);
  const argument = argumentOf(value);
  assert(argument instanceof LongText);
  releaseArguments({ command: "x", parameters: Object(value).arguments, id: undefined });
  assertEquals(argument.length, 0);
});
