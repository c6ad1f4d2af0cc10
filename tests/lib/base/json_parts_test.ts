import { assertEquals } from "@std/assert";
import { JsonParts } from "../../../lib/base/json_parts.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("parts of text and bytes are together the JSON of one value", () => {
  const value = new JsonParts(['{"name":"', bytes("Zürich"), '","list":[1,', bytes("2]}")]);
  assertEquals(JSON.stringify(value), '{"name":"Zürich","list":[1,2]}');
});

Deno.test("as a member it is serialised like any other value", () => {
  const result = { before: 1, value: new JsonParts([bytes("[null,"), "true]"]), after: "x" };
  assertEquals(JSON.stringify(result), '{"before":1,"value":[null,true],"after":"x"}');
});
