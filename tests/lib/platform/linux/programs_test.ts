import { assert, assertEquals } from "@std/assert";
import {
  isExecutableFile,
  PROGRAM_DIRECTORIES,
  PROGRAM_PATH,
} from "../../../../lib/platform/linux/programs.ts";
import { findProgram } from "../../../../lib/policy/commands.ts";
import { TempDirectory } from "../../_helpers.ts";

const programs = { searchPath: PROGRAM_DIRECTORIES, isExecutableFile };

/** Where the shell finds a program on the fixed path, links not followed. */
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

Deno.test("the search path is the one that the protocol documents", () => {
  assertEquals(PROGRAM_PATH, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  assertEquals(PROGRAM_DIRECTORIES.join(":"), PROGRAM_PATH);
});

Deno.test("a bare name is found where the shell finds it, links not followed", async () => {
  for (const name of ["sh", "env", "cat", "sleep"]) {
    assertEquals(findProgram(name, null, programs), await whereIs(name));
  }
});

Deno.test("isExecutableFile() wants a regular file with an executable bit", async () => {
  await using directory = await TempDirectory.make();
  await Deno.chmod(await directory.file("program", "#!/bin/sh\n"), 0o711);
  await Deno.chmod(await directory.file("plain", "#!/bin/sh\n"), 0o644);
  await directory.directory("folder");
  await Deno.symlink("program", directory.at("link"));
  await Deno.symlink("nothing", directory.at("dangling"));
  const executable = ["program", "plain", "folder", "link", "dangling", "missing", "program/x"]
    .filter((name) => isExecutableFile(directory.at(name)));
  assertEquals(executable, ["program", "link"]);
});

Deno.test("a link is another program than its target", async () => {
  await using directory = await TempDirectory.make();
  const link = directory.at("mine");
  await Deno.symlink("/usr/bin/env", link);
  const isAllowed = (command: string, ...whitelist: string[]) => {
    try {
      return findProgram(command, whitelist, programs) === command;
    } catch {
      return false;
    }
  };
  assertEquals(isAllowed(link, link), true);
  assertEquals(isAllowed(link, "env", "/usr/bin/env"), false);
  assertEquals(isAllowed("/usr/bin/env", link), false);
});
