import { assertEquals } from "@std/assert";
import * as z from "zod";
import { checkParams } from "../../../lib/base/check_params.ts";
import { INVALID_PARAMS } from "../../_error_codes.ts";
import { rpcErrorOf } from "../_helpers.ts";

const schema = z.strictObject({
  name: z.string(),
  key: z.optional(z.int()),
  map: z.optional(z.record(z.string(), z.string())),
});

Deno.test("checkParams() returns what the schema makes of the parameters", () => {
  assertEquals(checkParams(schema, { name: "a" }, new Set()), { name: "a" });
});

Deno.test("checkParams() names every problem, but no hidden value", async () => {
  const raw = { name: 5, key: "hunter2", more: true };
  const error = await rpcErrorOf(() => checkParams(schema, raw, new Set(["key"])));
  assertEquals(error.code, INVALID_PARAMS);
  for (const word of ["name", "key", "more"]) {
    assertEquals(error.message.includes(word), true, word);
  }
  assertEquals(JSON.stringify(error.data).includes("hunter2"), false);
});

Deno.test("checkParams() refuses a member named __proto__", async () => {
  const raw = JSON.parse('{"name":"a","map":{"__proto__":"b"}}');
  assertEquals((await rpcErrorOf(() => checkParams(schema, raw, new Set()))).code, INVALID_PARAMS);
});
