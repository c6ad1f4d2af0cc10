/**
 * Imports point one way. The directions are those in CONTRIBUTING.md.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ROOT } from "../_deno.ts";
import { parseDirections, partOf } from "./_directions.ts";
import {
  circleIn,
  ComputedImport,
  type Edge,
  type Import,
  importsOf,
  targetOf,
} from "./_imports.ts";

const TREE = ["commands", "handlers", "host", "lib"];
/** Parts that reach the machine through interfaces alone. `Deno.errors` names errors, nothing more. */
const WITHOUT_DENO = ["core", "dialects", "guest", "handlers", "policy"];
const DENO_USE = /\bDeno\.(?!errors\b)\w+/;

async function* sourceFiles(directory: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(`${ROOT}${directory}`)) {
    const path = `${directory}/${name}`;
    if (isDirectory) yield* sourceFiles(path);
    else if (name.endsWith(".ts")) yield path;
  }
}

const { allowed } = parseDirections(await Deno.readTextFile(`${ROOT}CONTRIBUTING.md`));
const texts = new Map<string, string>();
for (
  const file of [
    "main.ts",
    "main_broker.ts",
    "main_windows.ts",
    ...(await Promise.all(TREE.map(filesIn))).flat(),
  ]
    .sort()
) {
  texts.set(file, await Deno.readTextFile(`${ROOT}${file}`));
}
const imports: Import[] = [...texts].flatMap(([file, text]) => importsOf(file, text));
const edges: Edge[] = imports.flatMap((found) => {
  const to = targetOf(found);
  return to?.endsWith(".ts") ? [{ ...found, to }] : [];
});

async function filesIn(directory: string): Promise<string[]> {
  return await Array.fromAsync(sourceFiles(directory));
}

/** Fails with every problem on its own line. */
function assertNone(problems: readonly string[], advice: string): void {
  assert(problems.length === 0, `\n${problems.join("\n")}\n\n${advice}`);
}

Deno.test("every part of the tree has its line in CONTRIBUTING.md, and no line is left over", () => {
  const parts = new Set([...texts.keys()].map(partOf));
  assertEquals([...allowed.keys()].sort(), [...parts].sort());
});

Deno.test("imports follow the directions in CONTRIBUTING.md", () => {
  const problems = edges.flatMap(({ from, line, to }) => {
    const [part, target] = [partOf(from), partOf(to)];
    const targets = allowed.get(part) ?? [];
    if (part === target || targets.includes(target)) return [];
    return [`${from}:${line} imports ${to}: ${part} may import ${targets.join(", ") || "nothing"}`];
  });
  assertNone(
    problems,
    "Move what both sides need into a part that both may import, or declare an interface there and " +
      "let commands/ pass in the implementation.",
  );
});

Deno.test("no files import each other in a circle", () => {
  const circle = circleIn(edges);
  assert(
    circle === undefined,
    `${circle?.join("\n  imports ")}\n\nMove what they share into a file that imports neither.`,
  );
});

Deno.test("handlers, core, dialects, guest and policy do no input or output", () => {
  const problems = [...texts].filter(([file]) => WITHOUT_DENO.includes(partOf(file)))
    .flatMap(([file, text]) =>
      text.split("\n").flatMap((line, index) => {
        const use = /^\s*(?:\*|\/\/|\/\*)/.test(line) ? null : DENO_USE.exec(line);
        return use === null ? [] : [`${file}:${index + 1} uses ${use[0]}`];
      })
    );
  assertNone(
    problems,
    "Add what is needed to an interface in lib/guest/, and implement it in lib/platform/.",
  );
});

Deno.test("no file imports node:fs, which costs 9 MB of memory", () => {
  const problems = imports.filter(({ specifier }) => /^node:fs\b/.test(specifier))
    .map(({ from, line }) => `${from}:${line}`);
  assertNone(problems, "Deno's own API and the shell do the same.");
});

/** Where the agent's code, without comments, matches. */
const placesInAgent = (pattern: RegExp): string[] =>
  [...texts].filter(([file]) => !file.startsWith("host/")).flatMap(([file, text]) =>
    text.split("\n").flatMap((line, index) =>
      !/^ *(?:\*|\/\/)/.test(line) && pattern.test(line) ? [`${file}:${index + 1}`] : []
    )
  );

Deno.test("the agent starts no timer of Node's, which cost 3.5 MB of memory", () => {
  assertNone(
    placesInAgent(/\bset(?:Timeout|Interval)\(/),
    "Timer and sleep() in lib/base/timer.ts do the same.",
  );
});

Deno.test("the agent formats nothing by a locale, whose tables take 4.5 MB of memory", () => {
  assertNone(
    placesInAgent(/\.toLocale\w+\(|\bIntl\.|\.localeCompare\(/),
    "Write digits as they are, and compare texts with < and >.",
  );
});

const SAMPLES: readonly (readonly [string, string, readonly string[]])[] = [
  ["an import", 'import { a } from "./a.ts";', ["./a.ts"]],
  ["an import over several lines", 'import {\n  a,\n  b,\n} from "./a.ts";', ["./a.ts"]],
  ["an import of types", 'import type { A } from "./a.ts";', ["./a.ts"]],
  ["an import of everything", 'import * as a from "zod";', ["zod"]],
  ["an import of a default", 'import a, { b } from "./a.ts";', ["./a.ts"]],
  ["an import for its effects", 'import "./a.ts";', ["./a.ts"]],
  ["an import with attributes", 'import a from "./a.json" with { type: "json" };', ["./a.json"]],
  ["an export of another file's names", 'export { a } from "./a.ts";', ["./a.ts"]],
  ["an export of another file's types", 'export type { A } from "./a.ts";', ["./a.ts"]],
  ["an export of everything", 'export * from "./a.ts";', ["./a.ts"]],
  ["a dynamic import", 'const a = await import("./a.ts");', ["./a.ts"]],
  ["a type that is imported in place", 'let a: import("./a.ts").A;', ["./a.ts"]],
  ["two imports", 'import "./a.ts";\nimport "./b.ts";', ["./a.ts", "./b.ts"]],
  ["an import in a comment", '// import "./a.ts";\n/**\n * import("./b.ts")\n */', []],
  ["an export of its own", 'export const from = "./a.ts";', []],
  ["an exported function", 'export function f() {\n  return g("from");\n}', []],
];
for (const [what, text, specifiers] of SAMPLES) {
  Deno.test(`the reader of imports understands ${what}`, () => {
    assertEquals(importsOf("x.ts", text).map(({ specifier }) => specifier), specifiers);
  });
}

Deno.test("the reader of imports refuses a computed import()", () => {
  assertThrows(() => importsOf("x.ts", "await import(name);"), ComputedImport, "x.ts:1");
  assertThrows(
    () => importsOf("x.ts", "\nawait import(`./${name}.ts`);"),
    ComputedImport,
    "x.ts:2",
  );
});

Deno.test("a relative import is resolved against its file", () => {
  const target = (specifier: string) => targetOf({ from: "lib/core/a.ts", line: 1, specifier });
  assertEquals(target("./b.ts"), "lib/core/b.ts");
  assertEquals(target("../base/b.ts"), "lib/base/b.ts");
  assertEquals(target("../../handlers/mod.ts"), "handlers/mod.ts");
  assertEquals(target("zod"), undefined);
});

Deno.test("a circle of files is found, wherever it starts", () => {
  const edge = (from: string, to: string): Edge => ({ from, to, line: 1, specifier: "" });
  assertEquals(circleIn([edge("a", "b"), edge("b", "c"), edge("a", "c")]), undefined);
  assertEquals(circleIn([edge("a", "b"), edge("b", "c"), edge("c", "b")]), ["b", "c", "b"]);
  assertEquals(circleIn([edge("a", "a")]), ["a", "a"]);
});

Deno.test("the list of directions must name every part that it allows", () => {
  const page = (lines: string) => `text\n\`\`\`directions\n${lines}\n\`\`\`\n`;
  assertEquals([...parseDirections(page("a → b, c\nb →\nc → b")).allowed], [
    ["a", ["b", "c"]],
    ["b", []],
    ["c", ["b"]],
  ]);
  assertThrows(() => parseDirections(page("a → b")), Error, "b has no line");
  assertThrows(() => parseDirections("no block"), Error, "has no block");
});

/** Where the shell is not the agent's own: it becomes a command, or runs as root. */
const OTHER_SHELLS = [
  "commands/supervise.ts",
  "lib/platform/linux/files/file_shell.ts",
  "lib/platform/linux/processes/command_cgroup.ts",
  "lib/platform/linux/processes/terminal.ts",
  "lib/privileged/ssh_keys/authorized_keys.ts",
];

Deno.test("the agent's own shells do not keep the descriptor that moves processes", () => {
  const starting = [...texts].filter(([file, text]) =>
    text.includes('"-c",') && file !== "lib/platform/linux/programs.ts" && !file.startsWith("host/")
  ).map(([file]) => file);
  assertEquals(starting, OTHER_SHELLS, "Use scriptArgs() of lib/platform/linux/programs.ts.");
});
