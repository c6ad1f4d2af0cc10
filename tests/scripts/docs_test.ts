import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as z from "zod";
import { METHODS } from "../../handlers/mod.ts";
import { ERRORS } from "../../lib/base/errors.ts";
import { openRpcDocument, parametersOf } from "../../lib/core/openrpc.ts";
import { GENERATED, protocolReference, staleFiles } from "../../scripts/docs.ts";
import { fieldsOf } from "../../scripts/docs/fields.ts";
import { table } from "../../scripts/docs/markdown.ts";
import { exampleLines } from "../../scripts/docs/methods.ts";
import { ROOT } from "../_deno.ts";
import { runScript } from "./_run.ts";
import { TempDirectory } from "../lib/_helpers.ts";

Deno.test("the generated documents are current; otherwise run deno task docs", async () => {
  assertEquals(await staleFiles(new URL(`file://${ROOT}`)), []);
});

Deno.test("staleFiles() lists missing and changed documents", async () => {
  await using directory = await TempDirectory.make();
  const root = new URL(`file://${directory.path}/`);
  const paths = GENERATED.map(({ path }) => path);
  assertEquals(await staleFiles(root), paths);
  await Deno.mkdir(new URL("docs", root));
  for (const { path, text } of GENERATED) await Deno.writeTextFile(new URL(path, root), text());
  assertEquals(await staleFiles(root), []);
  await Deno.writeTextFile(new URL("docs/protocol.md", root), "\n", { append: true });
  assertEquals(await staleFiles(root), ["docs/protocol.md"]);
});

Deno.test("deno task docs --check prints nothing and exits 0 when the documents are current", async () => {
  const { code, stdout, stderr } = await runScript("scripts/docs.ts", ["--check"]);
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
});

for (const method of METHODS) {
  const { name, params, result, example } = method;

  Deno.test(`the example of ${name} matches its schemas`, () => {
    const checkedParams = z.safeParse(params, example.params ?? {});
    assert(checkedParams.success, checkedParams.error && z.prettifyError(checkedParams.error));
    const checkedResult = z.safeParse(result, example.result);
    assert(checkedResult.success, checkedResult.error && z.prettifyError(checkedResult.error));
  });

  Deno.test(`the reference contains the example of ${name} as lines on the wire`, () => {
    const reference = protocolReference();
    for (const line of Object.values(exampleLines(method))) {
      assert(!line.includes("\n"));
      assertStringIncludes(reference, `\n${line}\n`);
    }
  });

  Deno.test(`every error of ${name} is in the error table`, () => {
    const codes: number[] = Object.values(ERRORS).map(({ code }) => code);
    for (const { code } of method.errors) assert(codes.includes(code), `${code}`);
  });

  Deno.test(`every number of ${name} has a unit or is a count`, () => {
    const counts = [
      ...[
        "added",
        "already_present",
        "cols",
        "cpu_count",
        "exit_code",
        "gid",
        "id",
        "kept_foreign",
      ],
      ...["load_average", "removed", "rows", "uid"],
    ];
    const last = (path: string) => path.split(".").at(-1) ?? path;
    const bare = [...fieldsOf(params), ...fieldsOf(result)].filter(({ name, type, unit }) =>
      /\b(integer|number)\b/.test(type) && unit === "" && !counts.includes(last(name))
    );
    assertEquals(bare.map(({ name }) => name), [], "add them to scripts/docs/fields.ts");
  });
}

Deno.test("fieldsOf() lists presence, default, rules and units, also of nested members", () => {
  const schema = z.strictObject({
    path: z.string().check(z.refine(() => true, "must be nice")),
    list: z._default(z.array(z.strictObject({ size_bytes: z.int().check(z.gte(1)) })), []),
    mode: z.optional(z.enum(["a", "b"])),
  });
  const plain = { defaultValue: undefined, rules: [], unit: "" };
  assertEquals(fieldsOf(schema), [
    { ...plain, name: "path", type: "string", presence: "required", rules: ["nice"] },
    { ...plain, name: "list", type: "array of object", presence: "default", defaultValue: [] },
    {
      ...plain,
      name: "list[].size_bytes",
      type: "integer",
      presence: "required",
      rules: ["at least 1"],
      unit: "bytes",
    },
    { ...plain, name: "mode", type: '"a" or "b"', presence: "optional" },
  ]);
});

Deno.test("table() omits empty columns", () => {
  assertEquals(table(["A", "B"], [["1", ""], ["2", ""]]), "| A |\n| --- |\n| 1 |\n| 2 |");
});

// The part of OpenRPC 1.3 that our document uses; it must contain nothing else.
const Schema = z.record(z.string(), z.unknown());
const ContentDescriptor = z.strictObject({
  name: z.string().check(z.minLength(1)),
  required: z.optional(z.boolean()),
  schema: Schema,
});
const Value = z.strictObject({ name: z.string(), value: z.unknown() });
const MethodObject = z.strictObject({
  name: z.string().check(z.minLength(1)),
  summary: z.optional(z.string()),
  description: z.optional(z.string()),
  paramStructure: z.optional(z.enum(["by-name", "by-position", "either"])),
  "x-group": z.string(),
  params: z.array(ContentDescriptor),
  result: ContentDescriptor,
  errors: z.optional(z.array(z.strictObject({
    code: z.int(),
    message: z.string(),
    data: z.optional(z.unknown()),
  }))),
  examples: z.optional(z.array(z.strictObject({
    name: z.string(),
    params: z.array(Value),
    result: z.optional(Value),
  }))),
});
const OpenRpc = z.strictObject({
  openrpc: z.string().check(z.regex(/^1\.3\.\d+$/)),
  info: z.strictObject({
    title: z.string(),
    version: z.string(),
    description: z.optional(z.string()),
    license: z.optional(z.strictObject({ name: z.optional(z.string()) })),
  }),
  methods: z.array(MethodObject),
});

Deno.test("the OpenRPC document conforms to OpenRPC 1.3", () => {
  const document = z.parse(OpenRpc, openRpcDocument(METHODS, "1.0.0"));
  const names = document.methods.map(({ name }) => name);
  assertEquals(new Set(names).size, names.length, "method names are unique");
  for (const { name, params, examples = [] } of document.methods) {
    const known = params.map((param) => param.name);
    assertEquals(new Set(known).size, known.length, `parameters of ${name} are unique`);
    const firstOptional = params.findIndex(({ required }) => required !== true);
    const required = params.slice(Math.max(0, firstOptional)).filter((one) => one.required);
    assert(firstOptional < 0 || required.length === 0, `${name}: required parameters come first`);
    assertEquals(new Set(examples.map((example) => example.name)).size, examples.length);
    for (const example of examples) {
      for (const param of example.params) assert(known.includes(param.name), param.name);
    }
  }
});

Deno.test("the examples of the OpenRPC document pass the checks for requests", () => {
  const document = z.parse(OpenRpc, openRpcDocument(METHODS, "1.0.0"));
  for (const { name, examples = [] } of document.methods) {
    const method = METHODS.find((one) => one.name === name);
    assert(method !== undefined, name);
    for (const { params, result } of examples) {
      method.prepare(Object.fromEntries(params.map(({ name, value }) => [name, value])));
      assert(z.safeParse(method.result, result?.value).success, `result of ${name}`);
    }
  }
});

Deno.test("parametersOf() marks a parameter with a default as not required", () => {
  const method = METHODS.find(({ name }) => name === "file_read");
  assert(method !== undefined);
  assertEquals(
    parametersOf(method).map(({ name, required }) => [name, required]),
    [["path", true], ["encoding", false], ["offset", false], ["length", false]],
  );
});
