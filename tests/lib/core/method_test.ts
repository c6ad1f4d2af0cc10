import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as z from "zod";
import { Caller } from "../../../lib/core/caller.ts";
import { type Context, type Method, method, NoParams } from "../../../lib/core/method.ts";
import { CollectingLog, configWith, NEVER, rpcErrorOf } from "../_helpers.ts";
import { memoryServices } from "../guest/_memory_guest.ts";

const sample = method({
  name: "sample",
  summary: "For tests.",
  params: z.strictObject({
    path: z.string(),
    count: z._default(z.int().check(z.gte(1), z.lte(10)), 3),
    encoding: z._default(z.enum(["utf8", "base64"]), "utf8"),
    secret: z.optional(z.string()),
  }),
  result: z.null(),
  access: "always",
  audited: false,
  example: { params: { path: "/tmp/x" }, result: null },
  hidden: ["secret"],
  target: ({ path, count }) => ({ path, count }),
  run: () => null,
});

Deno.test("method() fills in what a definition leaves out", () => {
  assertEquals(
    [
      sample.capability,
      sample.notes,
      sample.errors,
      sample.immediate,
      sample.ownTimeout,
      sample.dropsParams,
    ],
    [undefined, [], [], false, false, false],
  );
});

const context = (of: Method): Context => ({
  config: configWith(),
  ...memoryServices(),
  log: new CollectingLog(),
  methods: [of],
  signal: NEVER,
  resultLimitBytes: 60_000,
  caller: new Caller(),
});

Deno.test("only the method holds the parameters of a call that runs", () => {
  const checked = sample.prepare({ path: "/tmp/x" });
  assertEquals(checked.run(context(sample)), null);
  assertThrows(() => checked.run(context(sample)), Error, "the value has been taken");
});

Deno.test("prepare() fills in defaults before target and run see the parameters", () => {
  assertEquals(sample.prepare({ path: "/tmp/x" }).target, { path: "/tmp/x", count: 3 });
});

for (
  const [params, names, sentence] of [
    [{}, ["path"], "path must be a string, but is missing"],
    [{ path: 1 }, ["path"], "path must be a string, received 1"],
    [{ path: null }, ["path"], "path must be a string, received null"],
    [{ path: "/", count: 0 }, ["count"], "count must be at least 1, received 0"],
    [{ path: "/", count: 11 }, ["count"], "count must be at most 10, received 11"],
    [{ path: "/", count: 1.5 }, ["count"], "count must be a whole number, received 1.5"],
    [{ path: "/", count: "3" }, ["count"], 'count must be a number, received "3"'],
    [{ path: "/", count: NaN }, ["count"], "count must be a"],
    [{ path: "/", encoding: "utf16" }, ["encoding"], 'encoding must be one of "utf8", "base64"'],
    [{ path: "/", secret: 7 }, ["secret"], "secret must be a string"],
    [{ path: "/", paths: "" }, ["paths"], 'paths is unknown (did you mean "path"?)'],
    [{ path: 1, count: 0, more: 1 }, ["path", "count", "more"], "; "],
    [[], [""], "the value must be an object"],
  ] as const
) {
  Deno.test(`prepare() refuses ${JSON.stringify(params)} and says why`, async () => {
    const error = await rpcErrorOf(() => sample.prepare(params));
    assertEquals(error.code, -32602);
    assertEquals(error.data.params, names);
    assertStringIncludes(error.data.reason, sentence);
  });
}

Deno.test("prepare() refuses a member named __proto__ in a parameter, which a schema would drop", async () => {
  const open = method({
    name: "open",
    summary: "For tests.",
    params: z.strictObject({ env: z.record(z.string(), z.string()) }),
    result: z.null(),
    access: "always",
    audited: false,
    example: { result: null },
    run: () => null,
  });
  for (const value of ['"x"', "{}", "null"]) {
    const params: unknown = JSON.parse(`{"env":{"__proto__":${value}}}`);
    const error = await rpcErrorOf(() => open.prepare(params));
    assertEquals(error.code, -32602);
    assertStringIncludes(error.data.reason, "__proto__");
  }
  assertEquals(open.prepare(JSON.parse('{"env":{"constructor":"x"}}')).target, {});
});

Deno.test("prepare() never repeats a hidden value", async () => {
  for (const secret of [["S3CR3T"], { a: "S3CR3T" }, 53273]) {
    const error = await rpcErrorOf(() => sample.prepare({ path: 1, secret }));
    assertEquals(/S3CR3T|53273/.test(JSON.stringify(error.toWire())), false);
  }
});

Deno.test("prepare() cuts a long value that it repeats", async () => {
  const error = await rpcErrorOf(() => sample.prepare({ path: "/", count: "9".repeat(10_000) }));
  assertEquals(error.data.reason.length < 200, true);
});

Deno.test("a method without parameters takes an empty object again and again, and nothing else", async () => {
  const plain = method({
    name: "plain",
    summary: "For tests.",
    params: NoParams,
    result: z.null(),
    access: "always",
    audited: false,
    example: { result: null },
    target: (params) => ({ members: Object.keys(params).length }),
    run: () => null,
  });
  for (let times = 0; times < 2; times++) {
    const checked = plain.prepare({});
    assertEquals(checked.target, { members: 0 });
    assertEquals(checked.run(context(plain)), null);
    assertEquals(checked.run(context(plain)), null);
  }
  for (const params of [[], [1], { x: 1 }, JSON.parse('{"__proto__":1}'), null]) {
    assertEquals((await rpcErrorOf(() => plain.prepare(params))).code, -32602);
  }
});
