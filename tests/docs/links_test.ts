/**
 * Everything that the pages refer to exists: links, headings, files, tasks, log messages.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path/posix";
import manifest from "../../deno.json" with { type: "json" };
import {
  anchors,
  codeSpans,
  linkTargets,
  readPage,
  readPages,
  ROOT,
  section,
} from "./_markdown.ts";

const pages = await readPages();
const operations = await readPage("docs/operations.md");

/** Code spans that name a file or directory of the repository. */
const TREE_PATH_REGEXP =
  /^(tests|lib|handlers|scripts|host|install|commands|docs|types)\/[\w./-]*$|^\.ci\/run$/;
/** Reads "deno task NAME"; a task in capitals stands for any. */
const TASK_REGEXP = /\bdeno(?:@[\d.]+)? task (?:--?\w+ )*([a-z][\w:]*)/g;

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(new URL(path, ROOT));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function missing(paths: readonly string[]): Promise<string[]> {
  const states = await Promise.all(paths.map(async (path) => [path, await exists(path)] as const));
  return states.filter(([, isThere]) => !isThere).map(([path]) => path);
}

for (const page of pages) {
  Deno.test(`every relative link in ${page.path} leads to a file and a heading that exist`, async () => {
    const broken: string[] = [];
    for (const target of linkTargets(page)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = "", fragment] = target.split("#");
      const path = file === "" ? page.path : join(dirname(page.path), file);
      if (!await exists(path)) broken.push(target);
      else if (fragment !== undefined && !anchors(await readPage(path)).includes(fragment)) {
        broken.push(target);
      }
    }
    assertEquals(broken, []);
  });

  Deno.test(`every file and directory that ${page.path} names exists`, async () => {
    const paths = codeSpans(page).filter((code) => TREE_PATH_REGEXP.test(code));
    assertEquals(await missing(paths), []);
  });

  Deno.test(`every task that ${page.path} names exists`, () => {
    const names = [...page.text.matchAll(TASK_REGEXP)].map(([, name = ""]) => name);
    const known = Object.keys(manifest.tasks);
    assertEquals(names.filter((name) => !known.includes(name)), []);
  });
}

/** The text of all source files below some directories. */
async function sources(directories: readonly string[]): Promise<string> {
  const texts: string[] = [];
  for (const directory of directories) {
    for await (const { name, isDirectory } of Deno.readDir(new URL(directory, ROOT))) {
      const path = `${directory}/${name}`;
      if (isDirectory) texts.push(await sources([path]));
      else if (name.endsWith(".ts")) texts.push(await Deno.readTextFile(new URL(path, ROOT)));
    }
  }
  return texts.join("\n");
}

Deno.test("every log message in docs/operations.md is one that the agent logs", async () => {
  const code = await sources(["lib", "commands"]);
  const rows = section(operations, "The log").split("\n").filter((line) => line.startsWith("| `"));
  const messages = rows.flatMap((row) =>
    [...(row.split(" | ")[0] ?? "").matchAll(/`([^`]+)`/g)].map(([, message = ""]) => message)
  );
  const isLogged = (message: string) =>
    message.endsWith("…")
      ? code.includes(`"${message.slice(0, -1).trimEnd()}`)
      : code.includes(`"${message}"`);
  assertEquals(messages.filter((message) => !isLogged(message)), []);
});

const OF_OURS = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "docs/operations.md",
  "docs/security.md",
  "docs/building.md",
  "docs/testing.md",
];
for (const page of pages.filter(({ path }) => OF_OURS.includes(path))) {
  Deno.test(`${page.path} gives sizes in MiB, and only rates in MB`, () => {
    const sizes = [...page.prose.matchAll(/\b\d+ MB\b(?!\/s)(?!\s+is\s+a)/g)].map(([size]) => size);
    assertEquals(sizes, []);
  });
}
