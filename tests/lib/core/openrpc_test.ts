import { assertEquals } from "@std/assert";
import * as z from "zod";
import { method, NoParams } from "../../../lib/core/method.ts";
import { jsonSchema, openRpcDocument, parametersOf } from "../../../lib/core/openrpc.ts";

const copy = method({
  name: "copy",
  summary: "Copies a file.",
  notes: ["One.", "Two."],
  params: z.strictObject({
    from: z.string(),
    to: z.optional(z.string()),
    count: z._default(z.int().check(z.gte(1)), 1),
    level: z.optional(z.int().check(z.lte(9))),
  }),
  result: z.strictObject({ bytes: z.int() }),
  errors: [{ code: -32002, when: "There is no such file" }],
  access: "always",
  audited: false,
  example: { params: { from: "/a", count: 2 }, result: { bytes: 3 } },
  run: () => ({ bytes: 0 }),
});

const nothing = method({
  name: "nothing",
  summary: "Does nothing.",
  params: NoParams,
  result: z.null(),
  access: "always",
  audited: false,
  example: { result: null },
  run: () => null,
});

Deno.test("parametersOf() tells which parameters must be given", () => {
  assertEquals(parametersOf(copy).map(({ name, required }) => [name, required]), [
    ["from", true],
    ["to", false],
    ["count", false],
    ["level", false],
  ]);
  assertEquals(parametersOf(nothing), []);
});

Deno.test("parametersOf() finds none in a schema that names no members", () => {
  const anything = method({
    name: "anything",
    summary: "Takes any object.",
    params: z.record(z.string(), z.unknown()),
    result: z.null(),
    access: "always",
    audited: false,
    example: { result: null },
    run: () => null,
  });
  assertEquals(parametersOf(anything), []);
});

Deno.test("jsonSchema() has defaults and limits, and not the range that all numbers have", () => {
  const { properties } = jsonSchema(copy.params);
  assertEquals(properties, {
    from: { type: "string" },
    to: { type: "string" },
    count: { default: 1, type: "integer", minimum: 1 },
    level: { type: "integer", maximum: 9 },
  });
  assertEquals(jsonSchema(copy.params).additionalProperties, false);
});

Deno.test("openRpcDocument() describes every method", () => {
  const { openrpc, info, methods } = openRpcDocument([copy, nothing], "9.8.7");
  assertEquals([openrpc, info.version], ["1.3.2", "9.8.7"]);
  assertEquals(methods.map(({ name }) => name), ["copy", "nothing"]);
  assertEquals(methods[0]?.description, "One.\n\nTwo.");
  assertEquals("description" in (methods[1] ?? {}), false);
  assertEquals(methods[0]?.errors, [
    { code: -32002, message: "Not found", data: "There is no such file" },
  ]);
  assertEquals(methods[0]?.examples, [{
    name: "copy example",
    params: [{ name: "from", value: "/a" }, { name: "count", value: 2 }],
    result: { name: "result", value: { bytes: 3 } },
  }]);
});
