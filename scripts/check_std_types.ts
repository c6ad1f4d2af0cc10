/**
 * Proves that a wrong call to the standard library is a type error.
 *
 * The npm package `deno-std` has no declarations: without ours everything in it silently has the
 * type `any`. So each of its modules in the import map must be declared, every declared name must
 * exist, and for each the type checker must accept a right call and refuse a wrong one.
 *
 * @module
 */

import manifest from "../deno.json" with { type: "json" };
import { printError } from "../lib/base/terminal.ts";
import { CALLS } from "./check_std_types/calls.ts";
import { type Declared, readDeclarations } from "./check_std_types/declarations.ts";
import { accepts, type CheckOptions } from "./check_std_types/type_checker.ts";

const DECLARATIONS_FILE = "types/deno-std.d.ts";
const CALLS_FILE = "scripts/check_std_types/calls.ts";

/** Every problem as one sentence, which also says what to do. */
export async function checkStdTypes(options: CheckOptions): Promise<string[]> {
  const declared = readDeclarations(options.declarations);
  const modules = Object.keys(options.imports).filter((name) => name.startsWith("@std/"));
  const exporting = modules.filter((module) => declared.has(module));
  return [
    ...compareModules(modules, declared),
    ...(await Promise.all(
      exporting.map((module) => compareExports(module, declared.get(module) ?? [])),
    )).flat(),
    ...await tryCalls(declared, options),
  ];
}

function compareModules(modules: readonly string[], declared: Declared): string[] {
  return [
    ...modules.filter((module) => !declared.has(module)).map((module) =>
      `${module} is in the import map and has no types: declare what is used of it in ` +
      `${DECLARATIONS_FILE}, as in declare module "${module}" { … }`
    ),
    ...[...declared.keys()].filter((module) => !modules.includes(module)).map((module) =>
      `${module} is declared in ${DECLARATIONS_FILE} and not in the import map: ` +
      "add it to deno.json or remove it there"
    ),
  ];
}

async function compareExports(module: string, names: readonly string[]): Promise<string[]> {
  let real: object;
  try {
    real = await import(module);
  } catch (error) {
    return [`${module} cannot be imported, correct deno.json: ${error}`];
  }
  return names.filter((name) => !Object.hasOwn(real, name)).map((name) =>
    `${module} has no ${name}: correct ${DECLARATIONS_FILE}, it declares one`
  );
}

/** One snippet for the type checker, and the problem if it decides otherwise. */
interface Trial {
  readonly snippet: string;
  readonly isRight: boolean;
  readonly problem: string;
}

async function tryCalls(declared: Declared, options: CheckOptions): Promise<string[]> {
  const problems: string[] = [];
  const trials: Trial[] = [];
  for (const [module, names] of declared) {
    if (!Object.hasOwn(options.imports, module)) continue;
    for (const name of names) {
      const calls = CALLS[module]?.[name];
      if (calls === undefined) {
        problems.push(`${module} declares ${name}: add a right and a wrong call to ${CALLS_FILE}`);
      } else {
        trials.push(
          trial(module, name, calls.wrong, false),
          trial(module, name, calls.right, true),
        );
      }
    }
  }
  const accepted = await accepts(trials.map(({ snippet }) => snippet), options);
  return [
    ...problems,
    ...trials.filter(({ isRight }, index) => accepted[index] !== isRight)
      .map(({ problem }) => problem),
  ];
}

const trial = (module: string, name: string, call: string, isRight: boolean): Trial => ({
  snippet: `import { ${name} } from "${module}";\n${call};\n`,
  isRight,
  problem: `the type checker ${isRight ? "refuses the right" : "accepts the wrong"} ${call} ` +
    `of ${module}: correct ${DECLARATIONS_FILE}`,
});

if (import.meta.main) {
  const declarations = await Deno.readTextFile(new URL(`../${DECLARATIONS_FILE}`, import.meta.url));
  const problems = await checkStdTypes({ imports: manifest.imports, declarations });
  for (const problem of problems) printError(problem);
  Deno.exit(problems.length === 0 ? 0 : 1);
}
