import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  findProgram,
  PROGRAM_DIRECTORIES,
  PROGRAM_PATH,
} from "../../../../lib/platform/linux/programs.ts";
import { rpcErrorOf, TempDirectory } from "../../_helpers.ts";

/** Where the shell finds a program on the fixed path, as it is written there. */
async function whereIs(name: string): Promise<string> {
  const { stdout } = await new Deno.Command("/bin/sh", {
    args: ["-c", 'command -v -- "$1"', "sh", name],
    clearEnv: true,
    env: { PATH: PROGRAM_PATH },
  }).output();
  const path = new TextDecoder().decode(stdout).trim();
  assert(path.startsWith("/"), `${name} is installed`);
  return path;
}

Deno.test("the fixed path is the one of the design", () => {
  assertEquals(PROGRAM_PATH, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  assertEquals(PROGRAM_DIRECTORIES.join(":"), PROGRAM_PATH);
});

Deno.test("a bare name is found where the shell finds it, links not followed", async () => {
  for (const name of ["sh", "env", "cat", "sleep"]) {
    assertEquals(findProgram(name, null), await whereIs(name));
  }
});

Deno.test("an absolute path is taken as it is, normalised", () => {
  assertEquals(findProgram("/usr/bin/env", null), "/usr/bin/env");
  assertEquals(findProgram("/usr/bin/../bin//./env", null), "/usr/bin/env");
  assertEquals(findProgram("/no/such/program", null), "/no/such/program");
});

for (
  const [command, reason] of [
    ["", "name or absolute path"],
    [".", "name or absolute path"],
    ["..", "name or absolute path"],
    ["./env", "not a relative one"],
    ["../bin/env", "not a relative one"],
    ["bin/env", "not a relative one"],
    ["env/", "not a relative one"],
    ["env\0", "NUL"],
    ["/usr/bin/env\0", "NUL"],
    [`/${"x".repeat(5000)}`, "at most 4096 bytes"],
  ] as const
) {
  Deno.test(`the command ${JSON.stringify(command.slice(0, 20))} is malformed: -32602`, async () => {
    for (const whitelist of [null, [], ["env", command]]) {
      const error = await rpcErrorOf(() => findProgram(command, whitelist));
      assertEquals(error.code, -32602);
      assertStringIncludes(error.data.reason, reason);
    }
  });
}

for (const name of ["no-such-program-anywhere", "env ", " env", "ENV", "*", "$(env)", "env;id"]) {
  Deno.test(`the bare name ${JSON.stringify(name)} is not found: -32002`, async () => {
    const error = await rpcErrorOf(() => findProgram(name, null));
    assertEquals([error.code, error.data.command], [-32002, name]);
    assertStringIncludes(error.data.reason, PROGRAM_PATH);
  });
}

Deno.test("a whitelist allows a name for what it finds, by name and by that path", async () => {
  const path = await whereIs("env");
  assertEquals(findProgram("env", ["cat", "env"]), path);
  assertEquals(findProgram(path, ["env"]), path);
  assertEquals(findProgram("env", [path]), path);
  assertEquals(findProgram(path, [path]), path);
  assertEquals(findProgram(`/usr/../${path}`, ["env"]), path);
});

Deno.test("a whitelist refuses all else with -32001", async () => {
  const path = await whereIs("env");
  const elsewhere = ["/bin/env", "/usr/bin/env", "/sbin/env"].filter((other) => other !== path);
  for (
    const [command, whitelist] of [
      ["cat", ["env"]],
      ["env", []],
      [path, []],
      ["env", ["envsubst", "en", "env2"]],
      [`${path}x`, ["env"]],
      // Another way to the same file is another entry.
      ...elsewhere.map((other) => [other, ["env", path]] as const),
      ["env", elsewhere],
      ["no-such-program-anywhere", ["env"]],
      ["/no/such/program", ["env"]],
    ] as const
  ) {
    const error = await rpcErrorOf(() => findProgram(command, whitelist));
    assertEquals(error.code, -32001, `${command} by ${whitelist.join(", ")}`);
    assertEquals(error.data.command, command);
    assertStringIncludes(error.data.reason, "command_whitelist");
  }
});

Deno.test("a name on the whitelist that is not installed is not found", async () => {
  const name = "no-such-program-anywhere";
  assertEquals((await rpcErrorOf(() => findProgram(name, [name]))).code, -32002);
});

Deno.test("a link is another program than what it leads to", async () => {
  await using directory = await TempDirectory.make();
  await Deno.symlink("/usr/bin/env", directory.at("mine"));
  const link = directory.at("mine");
  assertEquals(findProgram(link, [link]), link);
  assertEquals((await rpcErrorOf(() => findProgram(link, ["env", "/usr/bin/env"]))).code, -32001);
  assertEquals((await rpcErrorOf(() => findProgram("/usr/bin/env", [link]))).code, -32001);
});
