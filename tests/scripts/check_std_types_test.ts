import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { checkStdTypes } from "../../scripts/check_std_types.ts";
import { readDeclarations } from "../../scripts/check_std_types/declarations.ts";
import { ROOT } from "../_deno.ts";

const { imports } = manifest;
const declarations = await Deno.readTextFile(`${ROOT}types/deno-std.d.ts`);

/** The declarations with one piece replaced, which must be in them. */
function changed(piece: string | RegExp, by: string): string {
  const text = declarations.replace(piece, by);
  if (text === declarations) throw new Error(`the declarations do not have ${piece}`);
  return text;
}

Deno.test("the declarations of deno-std make wrong calls type errors", async () => {
  assertEquals(await checkStdTypes({ imports, declarations }), []);
});

const CASES: readonly (readonly [string, string, RegExp])[] = [
  [
    "a module without declarations",
    changed(/declare module "@std\/text\/closest-string" \{[^]*?\n\}\n/, ""),
    /^@std\/text\/closest-string is in the import map and has no types: declare /,
  ],
  [
    "a declared module that is not in the import map",
    `${declarations}\ndeclare module "@std/nothing" {\n  export function none(): void;\n}\n`,
    /^@std\/nothing is declared in .* and not in the import map: /,
  ],
  [
    "a declared name that the module does not have",
    changed("export function fail(", "export function failed("),
    /^@std\/assert has no failed: correct /,
  ],
  [
    "a declared name that has no calls",
    changed("export function fail(", "export function failed("),
    /^@std\/assert declares failed: add a right and a wrong call /,
  ],
  [
    "a parameter of the type any",
    changed("isAbsolute(path: string)", "isAbsolute(path: any)"),
    /^the type checker accepts the wrong isAbsolute\(undefined\) of @std\/path\/posix: /,
  ],
  [
    "a declaration that is too narrow",
    changed("isAbsolute(path: string)", "isAbsolute(path: URL)"),
    /^the type checker refuses the right isAbsolute\("\/a"\) of @std\/path\/posix: /,
  ],
];
for (const [what, text, problem] of CASES) {
  Deno.test(`checkStdTypes() detects ${what}`, async () => {
    const problems = await checkStdTypes({ imports, declarations: text });
    assertEquals(problems.filter((one) => problem.test(one)).length, 1, problems.join("\n"));
  });
}

Deno.test("readDeclarations() finds functions, classes and constants, not types", () => {
  const text = 'declare module "m" {\n  export function f(): void;\n  export class C {}\n' +
    "  export const c: 1;\n  export type T = 1;\n  export interface I {}\n" +
    "  export function f(x: 1): void;\n}\n";
  assertEquals([...readDeclarations(text)], [["m", ["f", "C", "c"]]]);
});

Deno.test("readDeclarations() throws for an export that it does not understand", () => {
  const text = 'declare module "m" {\n  export { f };\n}\n';
  assertMatch(assertThrows(() => readDeclarations(text)).message, /not understood.*export \{ f \}/);
});
