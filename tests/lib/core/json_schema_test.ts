import { assertEquals, assertThrows } from "@std/assert";
import * as z from "zod";
import { METHODS } from "../../../handlers/mod.ts";
import { jsonSchema } from "../../../lib/core/json_schema.ts";

/** zod's own, without the range that every integer of JavaScript is in. */
function zodsOwn(schema: z.ZodMiniType): unknown {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return JSON.parse(JSON.stringify(rest));
}

const wire = (schema: z.ZodMiniType): unknown => JSON.parse(JSON.stringify(jsonSchema(schema)));

for (const { name, params, result } of METHODS) {
  Deno.test(`the JSON Schemas of ${name} are those that zod makes`, () => {
    assertEquals(wire(params), zodsOwn(params));
    assertEquals(wire(result), zodsOwn(result));
  });
}

const KINDS: Readonly<Record<string, z.ZodMiniType>> = {
  "limits of numbers": z.strictObject({
    above: z.number().check(z.gt(1), z.lt(2)),
    from: z.int().check(z.gte(-1), z.lte(0)),
    twice: z.int().check(z.lte(7), z.gte(2)).check(z.gte(1), z.lte(8)),
  }),
  "limits of texts and lists": z.strictObject({
    text: z.string().check(z.minLength(1), z.maxLength(3)),
    list: z.array(z.boolean()).check(z.minLength(0), z.maxLength(2)),
  }),
  "what may be null": z.strictObject({
    simple: z.nullable(z.string()),
    limited: z.nullable(z.string().check(z.maxLength(3))),
    nothing: z.null(),
  }),
  "members that may be absent": z.looseObject({
    optional: z.optional(z.string()),
    standard: z._default(z.enum(["a", "b"]), "a"),
    fixed: z.literal(7),
  }),
  "any members": z.record(z.string(), z.union([z.int(), z.literal("all")])),
  "members that are not named": z.object({ known: z.readonly(z.array(z.unknown())) }),
};

for (const [kind, schema] of Object.entries(KINDS)) {
  Deno.test(`the JSON Schema of ${kind} is that which zod makes`, () => {
    assertEquals(wire(schema), zodsOwn(schema));
  });
}

Deno.test("a kind of schema that no method uses is an error", () => {
  assertThrows(() => jsonSchema(z.map(z.string(), z.string())), Error, "map");
  assertThrows(() => jsonSchema(z.literal(["a", "b"])), Error, "literal");
});
