import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../../../../lib/config/load.ts";
import { type Config, configSchema } from "../../../../../lib/config/schema.ts";
import { windowsForms } from "../../../../../lib/platform/windows/config/forms.ts";
import {
  MAX_VALUE_BYTES,
  parseRegistryConfig,
} from "../../../../../lib/platform/windows/config/registry_config.ts";
import type { StoredValue } from "../../../../../lib/platform/windows/registry/values.ts";
import { dword, multiText, stored, text } from "../_registry.ts";

const KEY = "HKLM\\Software\\KVMManager\\Agent";
const schema = configSchema(
  windowsForms({ programData: "C:\\ProgramData", systemRoot: "C:\\Windows" }),
);

const configOf = (...values: StoredValue[]): Config => parseRegistryConfig(values, KEY, schema);

function problemsOf(...values: StoredValue[]): readonly string[] {
  const error = assertThrows(() => configOf(...values), ConfigError);
  assertEquals(error.path, KEY);
  return error.problems;
}

Deno.test("each kind of setting is read from its type of value, whatever the case of its name", () => {
  const config = configOf(
    text("log_level", "debug"),
    dword("Max_Message_Size_KB", 128),
    dword("announce", 0),
    dword("command_monitor.enabled", 1),
    multiText("security.allowed_read_paths", ["c:/data/", "D:\\"]),
    multiText("SECURITY.COMMAND_WHITELIST", ["ipconfig", "C:\\Windows\\System32\\whoami.exe"]),
    dword("jobs.max_running", 3),
    dword("jobs.max_kept", 7),
  );
  assertEquals(config.log_level, "debug");
  assertEquals(config.max_message_size_kb, 128);
  assertEquals([config.announce, config.command_monitor.enabled], [false, true]);
  assertEquals(config.security.allowed_read_paths, ["C:\\data", "D:\\"]);
  assertEquals(config.security.command_whitelist, [
    "ipconfig",
    "C:\\Windows\\System32\\whoami.exe",
  ]);
  assertEquals([config.jobs.max_running, config.jobs.max_kept], [3, 7]);
  assertEquals(config.jobs.keep_seconds, 3600);
});

Deno.test("an empty list is a list, and an empty text is null where null is allowed", () => {
  const config = configOf(
    multiText("security.command_whitelist", []),
    text("log_file", ""),
    text("state_directory", ""),
  );
  assertEquals(config.security.command_whitelist, []);
  assertEquals([config.log_file, config.state_directory], [null, null]);
  assertEquals(configOf(text("security.command_whitelist", "")).security.command_whitelist, null);
});

Deno.test("a key without values has the defaults", () => {
  const { log_file, security, command_monitor, state_directory } = configOf();
  assertEquals(log_file, "C:\\ProgramData\\KVMManager\\agent.log");
  assertEquals(security.allowed_write_paths, ["C:\\ProgramData\\KVMManager\\files"]);
  assertEquals(command_monitor.pipe_path, "\\\\.\\pipe\\google-guest-agent-commands");
  assertEquals(state_directory, "C:\\ProgramData\\KVMManager\\state");
});

for (
  const [what, value, problem] of [
    [
      "text where a number belongs",
      text("max_message_size_kb", "64"),
      'max_message_size_kb must be a REG_DWORD, received REG_SZ "64"',
    ],
    [
      "a number where text belongs",
      dword("log_level", 1),
      "log_level must be a REG_SZ, received REG_DWORD 1",
    ],
    [
      "a number that is neither true nor false",
      dword("announce", 2),
      "announce must be a REG_DWORD of 0 or 1, received REG_DWORD 2",
    ],
    [
      "text where a list belongs",
      text("security.allowed_read_paths", "C:\\a"),
      'security.allowed_read_paths must be a REG_MULTI_SZ, received REG_SZ "C:\\\\a"',
    ],
    [
      "text with variables",
      stored("log_file", 2, [0x25, 0]),
      'log_file must be a REG_SZ, received REG_EXPAND_SZ "%"',
    ],
    [
      "empty text where null is not allowed",
      text("channel_name", ""),
      "channel_name must be 1 to 128 characters (A-Z a-z 0-9 . _ -) and start with a letter or " +
      'digit, received ""',
    ],
    ["bytes", stored("log_level", 3, [1]), "log_level must be a REG_SZ, received REG_BINARY"],
    [
      "a number out of range",
      dword("jobs.max_running", 300),
      "jobs.max_running must be at most 256, received 300",
    ],
    [
      "a level that does not exist",
      text("log_level", "loud"),
      'log_level must be one of "error", "warn", "info", "debug", "trace", received "loud"',
    ],
    [
      "a malformed path in a list",
      multiText("security.allowed_write_paths", ["C:\\a", "\\\\server\\share"]),
      'security.allowed_write_paths[1] must not be a network path, received "\\\\\\\\server\\\\share"',
    ],
    [
      "a value of 1 MB",
      { name: "security.allowed_read_paths", type: 7, sizeBytes: 1_000_000 },
      `security.allowed_read_paths must be at most ${MAX_VALUE_BYTES} bytes, received 1000000`,
    ],
    [
      "a misspelt name",
      dword("jobs.max_runing", 1),
      '"jobs.max_runing" is unknown (did you mean "jobs.max_running"?)',
    ],
    ["a group", dword("jobs", 1), '"jobs" is unknown (did you mean "jobs.max_running"?)'],
    [
      "a name that means something to JavaScript",
      text("__proto__.log_level", "x"),
      '"__proto__.log_level" is unknown (did you mean "log_level"?)',
    ],
    [
      "a batch file in the whitelist",
      multiText("security.command_whitelist", ["ipconfig", "setup.BAT"]),
      "security.command_whitelist[1] must not be a batch file: the host runs one by cmd.exe, " +
      'which may run any other, too, received "setup.BAT"',
    ],
    [
      "a path with two spellings of its parent",
      text("audit_file", "C:\\programdata\\kvmmanager\\FILES\\audit.log"),
      "audit_file must be outside security.allowed_write_paths: file_write could replace it, " +
      'received "C:\\\\programdata\\\\kvmmanager\\\\FILES\\\\audit.log"',
    ],
  ] as const
) {
  Deno.test(`the registry's error names key and value: ${what}`, () => {
    assertEquals(problemsOf(value), [problem]);
  });
}

Deno.test("all problems are told at once", () => {
  const problems = problemsOf(text("announce", "no"), dword("jobs.max_kept", 0), text("", "x"));
  assertEquals(problems.map((problem) => problem.split(" ")[0]), [
    "announce",
    '"(Default)"',
    "jobs.max_kept",
  ]);
});
