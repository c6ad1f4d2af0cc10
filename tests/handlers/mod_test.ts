import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { METHODS } from "../../handlers/mod.ts";
import { ERRORS } from "../../lib/base/errors.ts";

const FOLDER = new URL("../../handlers/", import.meta.url);

/** The names of the files in the folders of a folder, sorted. */
async function filesIn(folder: URL, pattern: RegExp): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    // The commands of QEMU's guest agent have a list of their own.
    if (name === "qga") continue;
    if (isDirectory) names.push(...await filesIn(new URL(`${name}/`, folder), pattern));
    else if (pattern.test(name)) names.push(name);
  }
  return names.sort();
}

/** The file of a method: its name, with an underscore for a dot. */
const fileOf = (name: string) => `${name.replace(".", "_")}.ts`;

Deno.test("the list contains every handler file exactly once", async () => {
  // A file whose name starts with an underscore is shared by the methods of its folder.
  const files = await filesIn(FOLDER, /^[a-z].*\.ts$/);
  assertEquals(files, [...METHODS.map(({ name }) => fileOf(name)), "mod.ts"].sort());
});

Deno.test("every method has a test file", async () => {
  const tests = await filesIn(new URL("./", import.meta.url), /_test\.ts$/);
  for (const { name } of METHODS) {
    assert(tests.includes(fileOf(name).replace(/\.ts$/, "_test.ts")), name);
  }
});

Deno.test("the ten methods of the protocol come first, in its order", () => {
  assertEquals(METHODS.map(({ name }) => name).slice(0, 10), [
    "ping",
    "get_agent_info",
    "get_system_info",
    "get_network_info",
    "exec_command",
    "file_read",
    "file_write",
    "shutdown",
    "reboot",
    "get_disk_usage",
  ]);
});

Deno.test("capabilities have the protocol's names, each once", () => {
  const names = METHODS.map(({ capability }) => capability).filter((one) => one !== undefined);
  assertEquals(new Set(names).size, names.length);
  const protocol = ["system_info", "exec_command", "file_read", "file_write", "shutdown", "reboot"];
  for (const name of protocol) assert(names.includes(name), name);
});

for (const method of METHODS) {
  Deno.test(`the reference of ${method.name} is correct: its example and its errors`, () => {
    const { example, params, result, errors, summary, notes } = method;
    assert(z.safeParse(params, example.params ?? {}).success, "the example's parameters");
    const checked = z.safeParse(result, example.result);
    assert(checked.success, `the example's result: ${checked.error?.message}`);
    const codes = Object.values(ERRORS).map(({ code }) => Number(code));
    for (const { code, when } of errors) {
      assert(codes.includes(code), `${code} is in the table`);
      assert(when.length > 0 && !when.endsWith("."), when);
    }
    assertMatch(summary, /^[A-Z].*\.$/);
    for (const note of notes) assertMatch(note, /^\S.*\.$/s);
  });
}
