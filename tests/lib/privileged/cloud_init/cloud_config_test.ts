import { assertEquals, assertMatch } from "@std/assert";
import { hasHeader, parseCloudConfig } from "../../../../lib/privileged/cloud_init/cloud_config.ts";
import { INVALID_PARAMS } from "../../../_error_codes.ts";
import { rpcErrorOf } from "../../_helpers.ts";

const HEADER = "#cloud-config\n";

Deno.test("a document is a mapping, also with aliases and merge keys", async () => {
  const text = "a: &a {b: 1}\nc: {<<: *a, d: 2}\ne: *a\n";
  assertEquals(await parseCloudConfig(HEADER + text), {
    a: { b: 1 },
    c: { b: 1, d: 2 },
    e: { b: 1 },
  });
});

for (
  const [text, isOne] of [
    ["#cloud-config", true],
    ["#cloud-config \r\na: 1", true],
    ["#cloud-configuration\n", false],
    ["\n#cloud-config\n", false],
    ["## template: jinja\n#cloud-config\n", false],
    ["#!/bin/sh\n", false],
  ] as const
) {
  Deno.test(`${JSON.stringify(text)} ${isOne ? "begins" : "does not begin"} a document`, () => {
    assertEquals(hasHeader(text), isOne);
  });
}

Deno.test("text that is not YAML is refused with its line and column, without the line itself", async () => {
  const text = `${HEADER}chpasswd:\n  list: [secret\nb: 3`;
  const { code, data } = await rpcErrorOf(() => parseCloudConfig(text));
  assertEquals([code, data.line, data.column], [INVALID_PARAMS, 4, 1]);
  assertMatch(data.reason, /^content is not YAML: line 4, column 1: [^\n]*comma[^\n]*$/);
});

const laughs = Array.from(
  { length: 30 },
  (_, level) => `a${level}: &a${level} [${Array(10).fill(level === 0 ? "lol" : `*a${level - 1}`)}]`,
).join("\n");

for (
  const [what, text, reason] of [
    ["a list", "- a\n", /must be a mapping/],
    ["a word", "text\n", /must be a mapping/],
    ["nothing", "", /must be a mapping/],
    ["no keys", "{}\n", /no keys/],
    ["two documents", "a: 1\n---\nb: 2\n", /not YAML: line 3/],
    ["the same key twice", "a: 1\na: 2\n", /not YAML: line 3.*duplicated key/],
    ["a tag of Python's", "a: !!python/object:os.system ls\n", /not YAML.*unknown tag/],
    ["a NUL", "a: \0\n", /not YAML/],
    ["a billion laughs", laughs, /1048576 characters once its aliases/],
    ["an alias of what contains it", "a: &a [*a]\n", /1048576 characters once its aliases/],
    ["100,000 levels", "[".repeat(100_000), /nested too deeply/],
  ] as const
) {
  Deno.test(`a document with ${what} is refused`, async () => {
    const { code, data } = await rpcErrorOf(() => parseCloudConfig(HEADER + text));
    assertEquals(code, INVALID_PARAMS);
    assertMatch(data.reason, reason);
  });
}
