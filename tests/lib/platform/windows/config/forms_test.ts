import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError, parseConfig } from "../../../../../lib/config/load.ts";
import { configSchema } from "../../../../../lib/config/schema.ts";
import { windowsForms } from "../../../../../lib/platform/windows/config/forms.ts";

const schema = configSchema(
  windowsForms({ programData: "D:\\ProgramData", systemRoot: "D:\\Windows" }),
);
const parse = (config: object) => parseConfig(JSON.stringify(config), "a.json", schema);
const problemsOf = (config: object) => assertThrows(() => parse(config), ConfigError).problems;

Deno.test("paths of the configuration are kept in their normal form", () => {
  const paths = ["c:/a/b/", "C:\\", "c:\\Program Files"];
  assertEquals(parse({ security: { allowed_read_paths: paths } }).security.allowed_read_paths, [
    "C:\\a\\b",
    "C:\\",
    "C:\\Program Files",
  ]);
});

for (
  const [path, rule] of [
    ["/tmp", "must be absolute and begin with a drive, as in C:\\"],
    ["C:a", "must have a backslash after the drive, as in C:\\"],
    ["C:\\a\\..\\b", "must not contain '.', '..' or two backslashes in a row"],
    ["C:\\a\\\\b", "must not contain '.', '..' or two backslashes in a row"],
    ["C:\\nul", 'must not contain "nul", the name of a device'],
    ["C:\\a ", 'must not contain "a ": Windows would drop the dot or space at its end'],
  ] as const
) {
  Deno.test(`the configuration of Windows refuses the path ${path}`, () => {
    assertEquals(problemsOf({ log_file: path }), [
      `log_file ${rule}, received ${JSON.stringify(path)}`,
    ]);
  });
}

for (
  const [name, kept] of [
    ["ipconfig", "ipconfig"],
    ["ipconfig.exe", "ipconfig.exe"],
    ["c:/Windows/System32/whoami.exe", "C:\\Windows\\System32\\whoami.exe"],
    ["System32\\whoami.exe", undefined],
    ["\\Windows\\whoami.exe", undefined],
    ["\\\\server\\share\\x.exe", undefined],
    ["C:", undefined],
    ["C:\\", undefined],
    ["C:whoami", undefined],
    ["..", undefined],
    ["nul", undefined],
    ["a:b", undefined],
    ["whoami.", undefined],
    ["", undefined],
  ] as const
) {
  Deno.test(`a whitelist of Windows ${kept === undefined ? "refuses" : "takes"} ${JSON.stringify(name)}`, () => {
    const config = { security: { command_whitelist: [name] } };
    if (kept !== undefined) assertEquals(parse(config).security.command_whitelist, [kept]);
    else assertEquals(problemsOf(config).length, 1);
  });
}

for (const name of ["\\\\.\\pipe\\a", "\\\\.\\pipe\\google-guest-agent-commands"]) {
  Deno.test(`the monitor may listen at ${name}`, () => {
    assertEquals(parse({ command_monitor: { pipe_path: name } }).command_monitor.pipe_path, name);
  });
}

for (
  const name of ["C:\\a", "\\\\server\\pipe\\a", "\\\\.\\pipe\\", "\\\\.\\pipe\\a\\b", "/run/a"]
) {
  Deno.test(`the monitor may not listen at ${name}`, () => {
    assertEquals(problemsOf({ command_monitor: { pipe_path: name } }).length, 1);
  });
}

for (const name of ["Administrators", "Remote Desktop Users", "DOMAIN\\Admins", "S-1-5-32-544"]) {
  Deno.test(`the monitor's group may be ${name}`, () => {
    assertEquals(parse({ command_monitor: { pipe_group: name } }).command_monitor.pipe_group, name);
  });
}

for (const name of ["", "a\\b\\c", 'a"b', "a;b", "a\nb"]) {
  Deno.test(`the monitor's group may not be ${JSON.stringify(name)}`, () => {
    assertEquals(problemsOf({ command_monitor: { pipe_group: name } }).length, 1);
  });
}
