import { assert, assertEquals, assertThrows } from "@std/assert";
import { RpcError } from "../../../lib/base/errors.ts";
import { findProgram, type InstalledPrograms } from "../../../lib/policy/commands.ts";
import { WINDOWS_PROGRAMS } from "../../../lib/platform/windows/program_names.ts";
import {
  baseEnvironment,
  fullPath,
  kindOf,
  PROGRAM_DIRECTORIES,
  SYSTEM_DIRECTORY,
  variable,
} from "../../../lib/platform/windows/programs.ts";

const programs: InstalledPrograms = {
  searchPath: PROGRAM_DIRECTORIES,
  rules: WINDOWS_PROGRAMS,
  isExecutableFile: (path) => kindOf(path) === "file",
};
const CMD = `${SYSTEM_DIRECTORY}\\cmd.exe`;
const find = (command: string, whitelist: readonly string[] | null = null) =>
  findProgram(command, whitelist, programs);

for (const command of ["cmd", "CMD", "cmd.exe", "Cmd.Exe"]) {
  Deno.test(`findProgram() finds ${command} in the system's directory`, () => {
    assertEquals(find(command).toUpperCase(), CMD.toUpperCase());
  });
}

for (
  const entry of ["cmd", "CMD.EXE", CMD, CMD.toLowerCase(), CMD.slice(0, -".exe".length)]
) {
  Deno.test(`a whitelist with ${entry} allows cmd by any of its names`, () => {
    for (const command of ["cmd", "cmd.EXE", CMD, CMD.toUpperCase(), CMD.replaceAll("\\", "/")]) {
      assertEquals(find(command, [entry]).toUpperCase(), CMD.toUpperCase());
    }
  });
}

const REFUSED = [
  ["x.bat", -32602],
  ["C:\\x.CMD", -32602],
  ["a\\b", -32602],
  ["C:cmd.exe", -32602],
  ["\\\\server\\share\\x.exe", -32602],
  ["cmd.exe:stream", -32602],
  ["nosuchprogram", -32002],
  ["NUL", -32602],
  ["con.exe", -32602],
  ["COM¹", -32602],
  ["cmd.", -32602],
  ["cmd.exe ", -32602],
  ["CALC~1.EXE", -32602],
  ["c*d", -32602],
  ["cmd\ud83d", -32602],
  ["x".repeat(40_000), -32602],
] as const;

for (const [command, code] of REFUSED) {
  Deno.test(`findProgram() refuses ${JSON.stringify(command.slice(0, 30))}: ${code}`, () => {
    assertEquals(assertThrows(() => find(command), RpcError).code, code);
  });
}

Deno.test("findProgram() refuses what the whitelist does not have", () => {
  assertEquals(assertThrows(() => find("ping", ["cmd"]), RpcError).code, -32001);
});

Deno.test("the search path begins with the system's directory and has no relative entry", () => {
  assertEquals(PROGRAM_DIRECTORIES[0], SYSTEM_DIRECTORY);
  assert(PROGRAM_DIRECTORIES.every((directory) => /^[A-Z]:\\/i.test(directory)));
});

Deno.test("baseEnvironment() has what programs rely on", () => {
  const { SystemRoot, PATH = "", ComSpec } = baseEnvironment();
  assertEquals(kindOf(SystemRoot ?? ""), "directory");
  assertEquals(kindOf(ComSpec ?? ""), "file");
  assert(PATH.startsWith(SYSTEM_DIRECTORY));
});

Deno.test("variable() returns undefined for a variable that is not set", () => {
  assertEquals(variable("KVMMANAGER_NO_SUCH"), undefined);
});

Deno.test("fullPath() resolves a path by the working directory", () => {
  assertEquals(fullPath("C:\\a\\..\\b"), "C:\\b");
  assertEquals(fullPath("x"), `${Deno.cwd().replace(/\\$/, "")}\\x`);
});
