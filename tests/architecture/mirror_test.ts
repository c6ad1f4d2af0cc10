/**
 * Every file with logic has a test at the same path below tests/.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { ROOT } from "../_deno.ts";
import { TESTED_ELSEWHERE } from "./_tested_elsewhere.ts";

const FOLDERS = ["lib", "handlers", "host"];
/** A function, a class, or a constant that is a function: not a type, a schema or a table. */
const LOGIC =
  /^(?:export )?(?:default )?(?:async )?(?:function|class)\b|^(?:export )?const [^=]+= (?:async )?(?:<.*>)?\(.*(?:=>|\($)|^(?:export )?const \w+ = \($/m;

async function filesBelow(folder: string, ending: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${ROOT}${folder}`)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await filesBelow(path, ending));
    else if (name.endsWith(ending)) found.push(path);
  }
  return found.sort();
}

const sources = (await Promise.all(FOLDERS.map((folder) => filesBelow(folder, ".ts")))).flat();
const tests = await filesBelow("tests", "_test.ts");

/** `lib/a/b.ts` is tested by `tests/lib/a/b_test.ts`, `b_property_test.ts` and so on. */
const hasTest = (file: string) => {
  const start = `tests/${file.replace(/\.ts$/, "")}_`;
  return tests.some((test) => test.startsWith(start));
};

/** Files that begin with "_" are what the others of their folder share. */
const isShared = (file: string) => /\/_[^/]+$/.test(file);

const entryFor = (file: string) =>
  Object.keys(TESTED_ELSEWHERE).find((entry) =>
    entry.endsWith("/") ? file.startsWith(entry) : file === entry
  );

Deno.test("every file with logic has a test at its path, or is listed with the test that covers it", async () => {
  const untested: string[] = [];
  for (const file of sources) {
    if (isShared(file) || hasTest(file) || entryFor(file) !== undefined) continue;
    if (LOGIC.test(await Deno.readTextFile(`${ROOT}${file}`))) untested.push(file);
  }
  assertEquals(
    untested,
    [],
    "write tests at the mirrored path, or name the covering test in _tested_elsewhere.ts",
  );
});

Deno.test("the list of files that are tested elsewhere names files and tests that exist", () => {
  const stale = Object.entries(TESTED_ELSEWHERE).filter(([entry, test]) =>
    !tests.includes(test) || !sources.some((file) => entryFor(file) === entry)
  );
  assertEquals(stale, []);
});
