/**
 * Selects the tests to run for a mutated file.
 *
 * @module
 */

import { basename, dirname, resolve } from "@std/path/posix";

/**
 * The directories with tests of single files; tests in tests/agent start whole agents and are too
 * slow.
 */
const FOLDERS = ["tests/lib", "tests/handlers", "tests/commands"] as const;

/**
 * A file that more tests than this import is skipped: they would take minutes for each mutation.
 */
const MAX_IMPORTERS = 10;

/** Every file below a folder of the root with this suffix, relative to the root. */
export async function filesBelow(root: string, folder: string, end: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${root}/${folder}`)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await filesBelow(root, path, end));
    else if (name.endsWith(end)) found.push(path);
  }
  return found.sort();
}

/**
 * The tests of a file: those at its mirrored path (`lib/a/b.ts`: `tests/lib/a/b_test.ts`,
 * `b_property_test.ts` and so on), and those that import it, unless these are too many.
 */
export async function testsOf(root: string, file: string): Promise<string[]> {
  const mirror = `tests/${dirname(file)}/${basename(file, ".ts")}_`;
  const tests = (await Promise.all(
    FOLDERS.map((folder) => filesBelow(root, folder, "_test.ts")),
  )).flat();
  const mirrored = tests.filter((test) => test.startsWith(mirror));
  const importers: string[] = [];
  for (const test of tests) {
    const text = await Deno.readTextFile(`${root}/${test}`);
    const imports = [...text.matchAll(/ from "(\.[^"]+)"/g)]
      .map(([, specifier = ""]) => resolve("/", dirname(test), specifier).slice(1));
    if (imports.includes(file) && !mirrored.includes(test)) importers.push(test);
  }
  return [...mirrored, ...(importers.length <= MAX_IMPORTERS ? importers : [])];
}
