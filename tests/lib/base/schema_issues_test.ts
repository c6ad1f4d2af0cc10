import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { explainIssues, shown, suggestion } from "../../../lib/base/schema_issues.ts";

/** What is wrong with a value, as path and sentence. */
function problemsOf(schema: z.ZodMiniType, value: unknown, hidden?: ReadonlySet<string>) {
  const result = z.safeParse(schema, value);
  assert(!result.success);
  return explainIssues(result.error.issues, value, { schema, hidden });
}

const sentencesOf = (schema: z.ZodMiniType, value: unknown) =>
  problemsOf(schema, value).map(({ sentence }) => sentence);

const Sample = z.strictObject({
  name: z.optional(z.string().check(z.minLength(2))),
  count: z.optional(z.int().check(z.gte(1), z.lte(9))),
  mode: z.optional(z.enum(["a", "b"])),
  list: z.optional(z.array(z.strictObject({ path: z.string() }))),
  env: z.optional(z.record(z.string().check(z.regex(/^[A-Z]+$/)), z.string())),
  id: z.optional(z.union([z.string(), z.number()])),
  nested: z._default(z.strictObject({ inner: z._default(z.boolean(), true) }), { inner: true }),
});

for (
  const [value, path, sentence] of [
    [1, "", "the value must be an object, received 1"],
    [null, "", "the value must be an object, received null"],
    [{ name: 1 }, "name", "name must be a string, received 1"],
    [{ name: "a" }, "name", 'name must have at least 2 characters, received "a"'],
    [{ count: 0 }, "count", "count must be at least 1, received 0"],
    [{ count: 1e308 }, "count", "count must be at most"],
    [{ count: 10 }, "count", "count must be at most 9, received 10"],
    [{ count: 1.5 }, "count", "count must be a whole number, received 1.5"],
    [{ mode: "c" }, "mode", 'mode must be one of "a", "b", received "c"'],
    [{ list: {} }, "list", "list must be an array, received"],
    [{ list: [{ path: "" }, { path: 3 }] }, "list[1].path", "list[1].path must be a string"],
    [{ list: [{}] }, "list[0].path", "list[0].path must be a string, but is missing"],
    [{ env: { A: 1 } }, "env.A", "env.A must be a string, received 1"],
    [{ id: true }, "id", "id must be a string or a number, received true"],
    [{ nested: { inner: 1 } }, "nested.inner", "nested.inner must be true or false, received 1"],
    [{ nmae: 1 }, "nmae", "nmae is unknown (known: name, count, mode"],
    [{ counter: 1 }, "counter", 'counter is unknown (did you mean "count"?)'],
    [{ nested: { iner: 1 } }, "nested.iner", "nested.iner is unknown"],
    [{ list: [{ path: "", more: 1 }] }, "list[0].more", "list[0].more is unknown"],
  ] as const
) {
  Deno.test(`explainIssues() says of ${JSON.stringify(value)}: ${sentence}`, () => {
    const [problem, ...more] = problemsOf(Sample, value);
    assertEquals(more, []);
    assertEquals(problem?.path, path);
    assertEquals(problem?.sentence.slice(0, sentence.length), sentence);
  });
}

Deno.test("explainIssues() tells all that is wrong, each once", () => {
  const paths = problemsOf(Sample, { name: 1, count: -1.5, one: 1, two: 2, nested: 3 })
    .map((problem) => problem.path);
  assertEquals(paths.sort(), ["count", "name", "nested", "one", "two"]);
});

Deno.test("explainIssues() explains 20 problems and counts the rest", () => {
  const unknown = Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`k${at}`, 1]));
  const problems = problemsOf(Sample, unknown);
  assertEquals(problems.length, 21);
  assertEquals(problems.at(-1), { path: "", sentence: "and 880 more" });
  const exactly = Object.fromEntries(Object.entries(unknown).slice(0, 20));
  assertEquals(problemsOf(Sample, exactly).length, 20);
});

Deno.test("explainIssues() spends no time on problems that it only counts", () => {
  const known = Object.fromEntries(
    Array.from({ length: 300 }, (_, at) => [`member_${at}`, z.optional(z.string())]),
  );
  const schema = z.strictObject(known);
  const timeFor = (count: number) => {
    const value = Object.fromEntries(
      Array.from({ length: count }, (_, at) => [`mistake_${at}`, 1]),
    );
    const { error } = z.safeParse(schema, value);
    const issues = error?.issues ?? [];
    const start = performance.now();
    explainIssues(issues, value, { schema });
    return performance.now() - start;
  };
  timeFor(20);
  const few = Math.min(...Array.from({ length: 5 }, () => timeFor(20)));
  const many = Math.min(...Array.from({ length: 5 }, () => timeFor(2000)));
  // A hundred times as long before the explaining stopped.
  assert(many < few * 10 + 5, `20 problems take ${few} ms, 2000 take ${many} ms`);
});

Deno.test("explainIssues() knows the members of an object with defaults inside another", () => {
  assertEquals(sentencesOf(Sample, { nested: { innner: true } }), [
    'nested.innner is unknown (did you mean "inner"?)',
  ]);
});

Deno.test("explainIssues() takes what looks like the prototype for a member", () => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    const value: unknown = JSON.parse(`{"${name}":{"inner":true}}`);
    assertEquals(problemsOf(Sample, value).map(({ path }) => path), [name]);
  }
});

Deno.test("explainIssues() describes a rule about a member whose object is missing", () => {
  const Range = z.object({
    range: z.nullish(z.object({ end: z.number() })),
  }).check(z.refine(({ range }) => range?.end !== undefined, {
    path: ["range", "end"],
    error: "must be given",
  }));
  for (const value of [{}, { range: null }]) {
    assertEquals(problemsOf(Range, value), [
      { path: "range.end", sentence: "range.end must be given, but is missing" },
    ]);
  }
});

Deno.test("explainIssues() shows no value of a hidden member, nor of what is in it", () => {
  const hidden = new Set(["env", "name"]);
  for (const value of [{ env: { A: 53273 } }, { env: 53273 }, { name: 53273 }]) {
    const text = JSON.stringify(problemsOf(Sample, value, hidden));
    assertEquals(text.includes("53273"), false, text);
    assertEquals(text.includes("must be"), true, text);
  }
});

Deno.test("shown() is JSON, cut", () => {
  assertEquals(
    [undefined, null, "a", 1, true, JSON.rawJSON("9007199254740993")].map(shown),
    ["nothing", "null", '"a"', "1", "true", "9007199254740993"],
  );
  assertEquals(shown("x".repeat(1000)).length < 100, true);
});

Deno.test("shown() shows something of whatever JSON can be parsed", () => {
  for (
    const [open, close, depth] of [
      ["[", "]", 100_000],
      ['{"0":', "}", 50_000],
      ['[{"0":', "}]", 50_000],
      ['{"toJSON":', "}", 50_000],
    ] as const
  ) {
    const deep: unknown = JSON.parse(open.repeat(depth) + "1" + close.repeat(depth));
    assert(shown(deep).length < 100);
  }
});

Deno.test("suggestion() names the word that was meant, else those that are known", () => {
  const known = ["ping", "get_disk_usage", "exec_command"];
  assertEquals(suggestion("pin", known), ' (did you mean "ping"?)');
  assertEquals(suggestion("get_disk", known), ' (did you mean "get_disk_usage"?)');
  assertEquals(suggestion("EXEC_COMMAND", known), ' (did you mean "exec_command"?)');
  assertEquals(suggestion("zzz", known), ` (known: ${known.join(", ")})`);
  assertEquals(suggestion("zzz", []), "");
  assertEquals(suggestion("ping".repeat(100_000), known), ' (did you mean "ping"?)');
});

Deno.test("suggestion() compares no characters that known words cannot have", () => {
  const known = ["ping", "get_disk_usage", "exec_command"];
  assertEquals(suggestion("pi\u{10ffff}", known), ` (known: ${known.join(", ")})`);
  assertEquals(suggestion("ping\u{10ffff}", known), ' (did you mean "ping"?)');
});
