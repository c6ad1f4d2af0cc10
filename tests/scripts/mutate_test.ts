import { assert, assertEquals } from "@std/assert";
import { mutationsOf } from "../../scripts/mutate/patterns.ts";
import { mutate } from "../../scripts/mutate/run.ts";
import { testsOf } from "../../scripts/mutate/tests_of.ts";
import { Workshop } from "../../scripts/mutate/workshop.ts";
import { outcomeOf, ROOT } from "../_deno.ts";
import { until } from "../_waiting.ts";
import { namesIn, TempDirectory } from "../lib/_helpers.ts";

const changed = (source: string) =>
  mutationsOf(source).map(({ line, text }) => text.split("\n").slice(line - 1, line)[0]);

const SAMPLES: readonly (readonly [string, string, readonly string[]])[] = [
  ["a comparison", "const a = b < c;", ["const a = b <= c;"]],
  ["each operator of a line", "a = b === c && d;", ["a = b !== c && d;", "a = b === c || d;"]],
  [
    "a condition",
    "if (a || b) {",
    ["if (a && b) {", "if (1 ? 0 : a || b) {", "if (1 || a || b) {"],
  ],
  ["a disposal", "using _a = b;", ["const _a = b;"]],
  ["a type", "type A = true;", []],
  ["a comment", "  // a < b", []],
  ["a declared member", "  readonly a: true;", []],
];
for (const [what, source, texts] of SAMPLES) {
  Deno.test(`mutations of ${what}`, () => assertEquals(changed(source), [...texts]));
}

for (
  const statement of ["await this.#close(a);", "this.#a = b;", 'throw new Error("a");', "return;"]
) {
  Deno.test(`a mutation leaves out ${statement}`, () => {
    const source = `function f() {\n  ${statement}\n}`;
    assert(mutationsOf(source).some(({ text }) => text === "function f() {\n}"));
  });
}

Deno.test("mutations reach into shell scripts", () => {
  const source = 'const script = `\nset -C\nexec 3> "$1"\n`;';
  assertEquals(mutationsOf(source).map(({ what }) => what), [
    "left out: set -C",
    "set -C  →  :",
    'left out: exec 3> "$1"',
  ]);
});

Deno.test("a file is judged by its mirrored tests and by those that import it", async () => {
  const tests = await testsOf(ROOT, "lib/base/json_text.ts");
  assert(tests.includes("tests/lib/base/json_text_test.ts"));
  assert(tests.includes("tests/lib/base/json_text_property_test.ts"));
  assertEquals(tests.filter((test) => test.startsWith("tests/agent/")), []);
});

Deno.test("a fault that no test notices is listed, and others are not", async () => {
  await using repository = await TempDirectory.make();
  await repository.directory("lib");
  await repository.directory("tests/lib");
  await repository.directory("tests/handlers");
  await repository.directory("tests/commands");
  await repository.file(
    "lib/age.ts",
    "export function isAdult(age: number): boolean {\n  return age >= 18;\n}\n",
  );
  await repository.file("lib/untested.ts", "export const isNever = () => false;\n");
  const test = (ages: string) =>
    'import { isAdult } from "../../lib/age.ts";\n' +
    `Deno.test("ages", () => {\n  for (const [age, is] of ${ages}) ` +
    "if (isAdult(age) !== is) throw new Error();\n});\n";
  const run = async (ages: string) => {
    await repository.file("tests/lib/age_test.ts", test(ages));
    await using workshop = await Workshop.copyOf(repository.path);
    const files = ["lib/age.ts", "lib/untested.ts"];
    return await mutate(workshop, { files, seconds: 600, seed: "ages" });
  };
  const lax = await run("[[17, false], [19, true]] as const");
  assertEquals(lax.survivors.map(({ file, line, what }) => [file, line, what]), [
    ["lib/age.ts", 2, "return age >= 18;  →  return age > 18;"],
  ]);
  assertEquals(lax.skipped, [{ file: "lib/untested.ts", why: "no test imports it" }]);
  const strict = await run("[[17, false], [18, true]] as const");
  assertEquals([strict.survivors, strict.killed, strict.untried], [[], 1, 0]);
});

Deno.test("mutations that there is no time for are counted", async () => {
  await using repository = await TempDirectory.make();
  await repository.file("a.ts", "const a = 1 < 2;\n");
  await using workshop = await Workshop.copyOf(repository.path);
  const report = await mutate(workshop, { files: ["a.ts"], seconds: 1e-9, seed: "" });
  assertEquals(report.untried, 1);
});

Deno.test("mutate ends its tests and removes its copy of the tree when it is stopped", async () => {
  await using directory = await TempDirectory.make();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", `${ROOT}scripts/mutate.ts`, "--files", "lib/base/waiting.ts"],
    env: { TMPDIR: directory.path, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await until(async () => (await namesIn(directory.path)).length > 0, "the copy of the tree");
  const [copy = ""] = await namesIn(directory.path);
  const testers = () => processesIn(directory.at(copy));
  await until(async () => (await testers()).length > 0, "the first run of tests");
  child.kill("SIGINT");
  const { code, stderr } = await outcomeOf(child);
  assertEquals([code, stderr], [130, "mutate: stopped by SIGINT\n"]);
  assertEquals(await namesIn(directory.path), []);
  await until(async () => (await testers()).length === 0, "the end of the tests");
});

/** Processes whose working directory is this one. */
async function processesIn(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const path = await Deno.readLink(`/proc/${name}/cwd`).catch(() => "");
    if (path.startsWith(directory)) found.push(name);
  }
  return found;
}
