import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  ConfigError,
  DEFAULT_CONFIG_PATH,
  loadConfig,
  parseConfig,
} from "../../../lib/config/load.ts";
import { defaultConfig } from "../../../lib/config/schema.ts";
import { TempDirectory } from "../_helpers.ts";

/** The protocol's example, whose comment is no JSON. */
const PROTOCOL_EXAMPLE = `{
  "version": "1.0.0",
  "log_level": "info",
  "log_file": "/var/log/kvmmanager-agent.log",
  "channel_name": "org.kvmmanager.agent.0",
  "max_message_size_kb": 64,
  "connection_retry_seconds": 5,
  "request_timeout_seconds": 30,
  "max_concurrent_requests": 10,
  "security": {
    "allowed_read_paths": ["/tmp", "/var/log", "/etc/hostname", "/etc/os-release"],
    "allowed_write_paths": ["/tmp/kvmmanager"],
    "command_whitelist": null,  // null = all commands allowed
    "max_file_size_mb": 10,
    "max_command_timeout_seconds": 300
  }
}`;

function problemsOf(text: string): readonly string[] {
  const error = assertThrows(() => parseConfig(text, "a.json"), ConfigError);
  assertEquals(error.path, "a.json");
  assertStringIncludes(error.message, "a.json: ");
  return error.problems;
}

async function loadError(path: string): Promise<ConfigError> {
  try {
    await loadConfig(path);
  } catch (error) {
    assert(error instanceof ConfigError, String(error));
    return error;
  }
  throw new Error("no error");
}

Deno.test("the protocol's example is the defaults, but for its log file", () => {
  const withoutComment = PROTOCOL_EXAMPLE.replace(/ +\/\/.*$/m, "");
  assertEquals(parseConfig(withoutComment, "example"), {
    ...defaultConfig(),
    log_file: "/var/log/kvmmanager-agent.log",
  });
});

Deno.test("a comment in a configuration is named as what is wrong", () => {
  const [problem, ...more] = problemsOf(PROTOCOL_EXAMPLE);
  assertStringIncludes(problem ?? "", "not JSON");
  assertStringIncludes(problem ?? "", "JSON has no comments");
  assertEquals(more, []);
});

for (
  const [text, sentence] of [
    ["", "not JSON"],
    ["{", "not JSON"],
    ["{'a': 1}", "not JSON"],
    ['{"log_level": "info",}', "not JSON"],
    ["[]", "the value must be an object, received []"],
    ["null", "the value must be an object, received null"],
    ['{"log_level":"loud"}', 'log_level must be one of "error", "warn", "info", "debug", "trace"'],
    ['{"log_levl":"info"}', 'log_levl is unknown (did you mean "log_level"?)'],
    ['{"max_message_size_kb":0}', "max_message_size_kb must be at least 1, received 0"],
    ['{"max_message_size_kb":"64"}', 'max_message_size_kb must be a number, received "64"'],
    ['{"max_message_size_kb":1.5}', "max_message_size_kb must be a whole number, received 1.5"],
    ['{"announce":1}', "announce must be true or false, received 1"],
    ['{"security":null}', "security must be an object, received null"],
    ['{"security":{"allowed_read_paths":"/tmp"}}', "security.allowed_read_paths must be an array"],
    [
      '{"security":{"allowed_read_paths":["/tmp","tmp"]}}',
      "security.allowed_read_paths[1] must be an absolute path",
    ],
    ['{"log_file":""}', 'log_file must be an absolute path, received ""'],
    [
      '{"max_concurrent_requests":1e400}',
      "max_concurrent_requests must be a number, received Infinity",
    ],
    [
      '{"security":{"allowed_write_paths":["/tmp/../etc"]}}',
      "security.allowed_write_paths[0] must not contain '.', '..' or '//'",
    ],
    [
      '{"security":{"command_whitelist":["bin/ls"]}}',
      "security.command_whitelist[0] must be a program's bare name or an absolute path",
    ],
    [
      '{"security":{"max_file_size_mb":-1}}',
      "security.max_file_size_mb must be at least 1, received -1",
    ],
    [
      '{"security":{"comand_whitelist":[]}}',
      'security.comand_whitelist is unknown (did you mean "command_whitelist"?)',
    ],
    ['{"__proto__":{"log_level":"debug"}}', "__proto__ is unknown"],
    ['{"version":"2.0.0"}', 'version must have the form 1.x.y, received "2.0.0"'],
  ] as const
) {
  Deno.test(`parseConfig() says of ${text}: ${sentence}`, () => {
    const [problem, ...more] = problemsOf(text);
    assertStringIncludes(problem ?? "", sentence);
    assertEquals(more, []);
  });
}

Deno.test("parseConfig() tells everything that is wrong at once, a sentence each", () => {
  const problems = problemsOf(
    '{"log_level":1,"announce":"no","typo":1,"max_concurrent_requests":-2,' +
      '"security":{"max_file_size_mb":0.5,"command_whitelist":["/","a/b"],"more":[]}}',
  );
  assertEquals(problems.length, 8);
  for (
    const start of [
      ...["log_level must", "announce must", "typo is", "max_concurrent_requests must"],
      ...["security.max_file_size_mb must", "security.command_whitelist[0] must"],
      ...["security.command_whitelist[1] must", "security.more is"],
    ]
  ) {
    assertEquals(problems.filter((problem) => problem.startsWith(start)).length, 1, start);
  }
  assertEquals(problems.filter((problem) => /[.\n]$/.test(problem)), []);
});

Deno.test("loadConfig() reads the file that is named", async () => {
  await using directory = await TempDirectory.make();
  const path = await directory.file("c.json", '{"log_level":"trace","security":{}}');
  assertEquals(await loadConfig(path), {
    config: { ...defaultConfig(), log_level: "trace" },
    source: path,
  });
});

Deno.test("loadConfig() reads a file with a byte order mark", async () => {
  await using directory = await TempDirectory.make();
  const path = await directory.file("c.json", '\ufeff{"announce":false}\r\n');
  assertEquals((await loadConfig(path)).config.announce, false);
});

Deno.test("loadConfig() takes the defaults where there is no default file", async () => {
  const isInstalled = await Deno.stat(DEFAULT_CONFIG_PATH).then(() => true, () => false);
  const { config, source } = await loadConfig();
  assertEquals(source, isInstalled ? DEFAULT_CONFIG_PATH : "defaults");
  if (!isInstalled) assertEquals(config, defaultConfig());
});

for (
  const [what, name, problem] of [
    ["is missing", "missing.json", "cannot be read: "],
    ["is a directory", "", "cannot be read: "],
    ["is not UTF-8", "latin1.json", "not UTF-8"],
    ["is wrong", "wrong.json", "announce must be true or false"],
  ] as const
) {
  Deno.test(`loadConfig() refuses a file that was named and ${what}`, async () => {
    await using directory = await TempDirectory.make();
    await Deno.writeFile(directory.at("latin1.json"), Uint8Array.of(0x7b, 0xe4, 0x7d));
    await directory.file("wrong.json", '{"announce":1}');
    const error = await loadError(directory.at(name));
    assertEquals(error.path, directory.at(name));
    assertEquals(error.problems.length, 1);
    assertStringIncludes(error.problems[0] ?? "", problem);
  });
}

Deno.test("no key of the schema is read under a name that the protocol does not have", () => {
  // What is ours beside the protocol is listed in the design, "Configuration beyond".
  const protocol = JSON.parse(PROTOCOL_EXAMPLE.replace(/ +\/\/.*$/m, ""));
  const ours = [
    "max_requests_per_second",
    "announce",
    "command_monitor",
    "audit_file",
    "audit",
    "state_directory",
    "jobs",
    "events",
    "freeze_ttl_seconds",
  ];
  assertEquals(
    Object.keys(defaultConfig()).filter((key) => !ours.includes(key)).sort(),
    Object.keys(protocol).sort(),
  );
});
