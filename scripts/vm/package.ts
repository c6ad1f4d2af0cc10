/**
 * The package that is installed in a guest: built by `deno task package:deb` and cached by the hash of
 * all the files that go into it.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { cached, hashOf } from "./cache.ts";
import { requireTools, runTool } from "./tools.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** Everything that may affect the package's content. */
const SOURCES = [
  "commands",
  "handlers",
  "install",
  "lib",
  "scripts",
  "CHANGELOG.md",
  "LICENSE",
  "deno.json",
  "deno.lock",
  "main.ts",
] as const;

/** What does not affect it: the code that installs and tests it. */
const FOREIGN_REGEXP = /^scripts\/(bench|demo|vm)\b/;

/**
 * The path of a package of the current sources.
 *
 * @throws {MissingToolsError | ToolFailedError} when it cannot be built.
 */
export async function currentPackage(onProgress: (message: string) => void): Promise<string> {
  await requireTools(["dpkg-deb"]);
  return await cached("package", await hashSources(), async (path) => {
    onProgress("building the package (about 10 s, then cached)");
    await runTool(Deno.execPath(), [
      ...["task", "--quiet", "package:deb", "--arch", "amd64", "--output", path],
      // Under emulation, unpacking a well compressed one takes a minute.
      "--quick",
    ], { cwd: ROOT });
  });
}

async function hashSources(): Promise<string> {
  const parts: (string | Uint8Array)[] = [Deno.version.deno];
  for (const source of SOURCES) {
    for (const file of (await filesUnder(source)).sort()) {
      parts.push(file, await Deno.readFile(`${ROOT}${file}`));
    }
  }
  return await hashOf(...parts);
}

/** The files below a path of the repository, or the path itself. */
async function filesUnder(path: string): Promise<string[]> {
  if (FOREIGN_REGEXP.test(path)) return [];
  try {
    if (!(await Deno.stat(`${ROOT}${path}`)).isDirectory) return [path];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const files: string[] = [];
  for await (const { name } of Deno.readDir(`${ROOT}${path}`)) {
    files.push(...await filesUnder(`${path}/${name}`));
  }
  return files;
}
