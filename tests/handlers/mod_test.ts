import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { METHODS } from "../../handlers/mod.ts";
import { ERRORS } from "../../lib/base/errors.ts";

const FOLDER = new URL("../../handlers/", import.meta.url);

const filesOf = async (folder: URL, pattern: RegExp) =>
  (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name)
    .filter((name) => pattern.test(name)).sort();

/** The file of a method: its name, with an underscore where the name has a point. */
const fileOf = (name: string) => `${name.replace(".", "_")}.ts`;

Deno.test("the list has each file of the folder once, and nothing else", async () => {
  const files = await filesOf(FOLDER, /^[a-z].*\.ts$/);
  const expected = [...METHODS.map(({ name }) => fileOf(name)), "mod.ts"].sort();
  assertEquals(files, expected);
});

Deno.test("each method has a file of tests", async () => {
  const tests = await filesOf(new URL("./", import.meta.url), /_test\.ts$/);
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
  Deno.test(`the reference of ${method.name} holds: its example and its errors`, () => {
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
