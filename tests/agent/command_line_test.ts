/**
 * The agent's command line and configuration: exit statuses and messages.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "zod";
import { VERSION } from "../../lib/base/version.ts";
import { configuration, makePaths, runAgent } from "./_agent.ts";
import { agentProgram, IS_PACKAGED } from "./_program.ts";
import { withFullOutput, withoutReader } from "../_closed_output.ts";
import { type Outcome, ROOT, runDeno } from "../_deno.ts";

const EXIT = { ok: 0, usage: 64, config: 78 } as const;

function assertOneLine({ code, stdout, stderr }: Outcome, status: number, text: RegExp): void {
  assertEquals(code, status, stderr);
  assertEquals(stdout, "");
  assertMatch(stderr, /^kvmmanager-agent: [^\n]+\n$/);
  assertMatch(stderr, text);
}

Deno.test("an invalid command line prints one line on standard error and exits with 64:", async (t) => {
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["an unknown option", ["--chanel", "stdio"], /unknown option --chanel; see --help/],
    ["an unknown short option", ["-x"], /unknown option -x/],
    ["an unknown command", ["server"], /unknown command "server"; see --help/],
    ["an empty command", [""], /unknown command ""/],
    ["one argument too many", ["check", "now"], /unexpected argument "now"; see --help/],
    [
      "an unknown channel",
      ["--channel", "tcp:1"],
      /--channel must be stdio, listen:PATH or device:PATH/,
    ],
    [
      "a channel without a path",
      ["--channel", "listen:"],
      /--channel must be stdio, listen:PATH or device:PATH/,
    ],
    [
      "a socket's path with a comma",
      ["--channel", "listen:/tmp/a,b.sock"],
      /--channel: a socket's path must not contain a comma, received "\/tmp\/a,b.sock"/,
    ],
    [
      "a broker's socket with a comma",
      ["--channel", "stdio", "--broker", "socket:/run/a,b.sock"],
      /--broker: a socket's path must not contain a comma/,
    ],
    ["a value that is an empty argument", ["--config", ""], /--config needs a value/],
    ["an option without its value", ["--channel"], /--channel needs a value/],
    ["an empty value", ["--config="], /--config needs a value/],
    ["an option given twice", ["--config", "a", "--config", "b"], /--config was given more than/],
    ["an unknown log level", ["--log-level", "loud"], /--log-level must be one of error, warn/],
    [
      "a value that looks like an option",
      ["--config", "--channel", "stdio"],
      /--config needs a val/,
    ],
  ];
  for (const [name, args, text] of cases) {
    await t.step(name, async () => assertOneLine(await runAgent(args), EXIT.usage, text));
  }
});

if (!IS_PACKAGED) {
  // An installed one opens its port through the shell.
  Deno.test("an agent that is not installed needs a channel", async () => {
    const reason = /--channel is needed: stdio, listen:PATH or device:PATH; only an installed/;
    for (const args of [[], ["serve"]]) {
      assertOneLine(await runAgent(args), EXIT.usage, reason);
    }
  });
}

Deno.test("--help prints the whole usage on standard output", async () => {
  for (const args of [["--help"], ["-h"], ["serve", "--help"], ["check", "--help"]]) {
    const { code, stdout, stderr } = await runAgent(args);
    assertEquals([code, stderr], [EXIT.ok, ""]);
    for (const word of ["serve", "check", "--channel", "--config", "--log-level", "SIGHUP", "78"]) {
      assertStringIncludes(stdout, word);
    }
    assert(stdout.split("\n").every((line) => line.length <= 90), "lines fit a terminal");
  }
});

Deno.test("--version prints name and version", async () => {
  const { code, stdout, stderr } = await runAgent(["--version"]);
  assertEquals([code, stdout, stderr], [EXIT.ok, `kvmmanager-agent ${VERSION}\n`, ""]);
});

/** Runs with a configuration file of this content. */
async function runWith(
  content: string | Uint8Array | Record<string, unknown>,
  args: readonly string[] = ["--channel", "stdio"],
): Promise<Outcome & { file: string }> {
  const { directory, configFile } = await makePaths();
  try {
    const bytes = content instanceof Uint8Array
      ? content
      : new TextEncoder().encode(typeof content === "string" ? content : JSON.stringify(content));
    await Deno.writeFile(configFile, bytes);
    return { ...await runAgent([...args, "--config", configFile]), file: configFile };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("an agent whose output nobody reads any more ends as SIGPIPE would end it, without a word", async () => {
  assertEquals(await withoutReader(await agentProgram(["--help"])), { code: 141, stderr: "" });
});

Deno.test("an agent that cannot write its output says why in one line, status 74", async () => {
  assertEquals(await withFullOutput(await agentProgram(["--help"])), {
    code: 74,
    stderr:
      "kvmmanager-agent: standard output cannot be written: No space left on device (os error 28)\n",
  });
});

Deno.test("every problem of a configuration is reported at once, one per line, status 78", async () => {
  const { code, stdout, stderr, file } = await runWith({
    log_levle: "info",
    log_level: "loud",
    log_file: "relative.log",
    max_message_size_kb: "64",
    request_timeout_seconds: -1,
    max_concurrent_requests: 1.5,
    max_requests_per_second: 1e308,
    announce: "yes",
    channel_name: "../evil",
    version: "2.0.0",
    security: {
      allowed_read_paths: "/tmp",
      allowed_write_paths: ["/tmp", "tmp", "/tmp/../etc", 5],
      command_whitelist: ["ok", "bin/sh", ""],
      allowed_paths: [],
      max_file_size_mb: 0,
    },
  });
  assertEquals([code, stdout], [EXIT.config, ""]);
  const lines = stderr.trimEnd().split("\n");
  const expected = [
    /log_levle is unknown \(did you mean "log_level"\?\)/,
    /log_level must be one of "error", .*, received "loud"/,
    /log_file must be an absolute path, received "relative\.log"/,
    /max_message_size_kb must be a.* number, received "64"/,
    /request_timeout_seconds must be at least 1, received -1/,
    /max_concurrent_requests must be a whole number, received 1\.5/,
    /max_requests_per_second must be .*received 1e\+308/,
    /announce must be true or false, received "yes"/,
    /channel_name must be .*received "\.\.\/evil"/,
    /version must have the form 1\.x\.y, received "2\.0\.0"/,
    /security\.allowed_read_paths must be an array, received "\/tmp"/,
    /security\.allowed_write_paths\[1\] must be an absolute path, received "tmp"/,
    /security\.allowed_write_paths\[2\] must not contain .*received "\/tmp\/\.\.\/etc"/,
    /security\.allowed_write_paths\[3\] must be a string, received 5/,
    /security\.command_whitelist\[1\] must be a program's bare name .*received "bin\/sh"/,
    /security\.command_whitelist\[2\] must be a program's bare name .*received ""/,
    /security\.allowed_paths is unknown/,
    /security\.max_file_size_mb must be at least 1, received 0/,
  ];
  for (const one of expected) {
    assertEquals(lines.filter((line) => one.test(line)).length, 1, `${one} in\n${stderr}`);
  }
  assertEquals(lines.length, expected.length, stderr);
  assert(lines.every((line) => line.startsWith(`kvmmanager-agent: ${file}: `)), stderr);
});

Deno.test("an unknown key is reported with the nearest known one", async (t) => {
  const cases: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ max_concurent_requests: 5 }, /did you mean "max_concurrent_requests"/],
    [{ request_timeout: 5 }, /did you mean "request_timeout_seconds"/],
    [{ Log_Level: "info" }, /did you mean "log_level"/],
    [
      { security: { comand_whitelist: [] } },
      /security\.comand_whitelist .*did you mean "command_whitelist"/,
    ],
    [{ security: { whitelist: [] } }, /security\.whitelist .*did you mean "command_whitelist"/],
    [{ security: { read_paths: [] } }, /security\.read_paths .*did you mean "allowed_read_paths"/],
    [{ constructor: 1 }, /constructor is unknown/],
  ];
  for (const [config, text] of cases) {
    await t.step(JSON.stringify(config), async () => {
      assertOneLine(await runWith(config), EXIT.config, text);
    });
  }
});

Deno.test("a configuration that is not a JSON object: one line, status 78", async (t) => {
  const cases: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
    ["empty", "", /not JSON/],
    ["truncated", '{"log_level": "info"', /not JSON/],
    [
      "with comments, as the protocol shows it",
      '{\n  "log_level": "info" // all\n}',
      /JSON has no comm/,
    ],
    ["an array", "[]", /must be an object/],
    ["null", "null", /must be an object/],
    ["a text", '"info"', /must be an object/],
    ["not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), /not UTF-8/],
    ["__proto__", '{"__proto__": {"log_level": "error"}}', /__proto__ is unknown/],
    ["deeply nested", "[".repeat(100_000), /not JSON/],
  ];
  for (const [name, content, text] of cases) {
    await t.step(name, async () => {
      for (const args of [["--channel", "stdio"], ["check"]]) {
        assertOneLine(await runWith(content, args), EXIT.config, text);
      }
    });
  }
});

Deno.test("a configuration file given on the command line must be readable, otherwise status 78", async () => {
  const { directory } = await makePaths();
  try {
    for (const file of [`${directory}/missing.json`, directory]) {
      for (const args of [["--channel", "stdio"], ["check"]]) {
        const outcome = await runAgent([...args, "--config", file]);
        assertOneLine(outcome, EXIT.config, /cannot be read/);
        assertStringIncludes(outcome.stderr, file);
      }
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

const Report = z.looseObject({
  source: z.string(),
  config: z.looseObject({
    log_level: z.string(),
    max_message_size_kb: z.int(),
    security: z.looseObject({ allowed_read_paths: z.array(z.string()) }),
  }),
  permission_flags: z.array(z.string()),
  confined: z.boolean(),
  uncovered: z.optional(z.array(z.string())),
});

Deno.test("check prints the effective configuration, its flags, and that the agent will be confined", async () => {
  const paths = await makePaths();
  try {
    await Deno.writeTextFile(paths.configFile, JSON.stringify(configuration(paths)));
    const { code, stdout, stderr } = await runAgent(["check", "--config", paths.configFile]);
    assertEquals([code, stderr], [EXIT.ok, ""]);
    const report = z.parse(Report, JSON.parse(stdout));
    assertEquals(report.source, paths.configFile);
    assertEquals(report.config.max_message_size_kb, 64, "defaults are filled in");
    assertEquals(report.config.security.allowed_read_paths, [paths.files]);
    assert(report.permission_flags.includes("--no-prompt"), stdout);
    assertMatch(report.permission_flags.join(" "), new RegExp(`--allow-read=\\S*${paths.files}`));
    assert(report.permission_flags.includes("--allow-run"), "every command is allowed");
    assertEquals(report.confined, true);
    assertEquals(await Array.fromAsync(Deno.readDir(paths.files)), [], "check touches nothing");
  } finally {
    await Deno.remove(paths.directory, { recursive: true });
  }
});

Deno.test("check warns an agent with all permissions that it will not be confined", async () => {
  const paths = await makePaths();
  try {
    await Deno.writeTextFile(paths.configFile, "{}");
    const args = ["run", "--quiet", "-A", `${ROOT}main.ts`, "check", "--config", paths.configFile];
    const { code, stdout } = await runDeno(args);
    assertEquals(code, EXIT.ok);
    assertEquals(z.parse(Report, JSON.parse(stdout)).confined, false);
  } finally {
    await Deno.remove(paths.directory, { recursive: true });
  }
});

Deno.test("check reports what a binary's permissions do not cover", async () => {
  const paths = await makePaths();
  try {
    await Deno.writeTextFile(
      paths.configFile,
      JSON.stringify({
        security: { allowed_read_paths: ["/srv/data"], command_whitelist: ["uptime"] },
      }),
    );
    const granted = { read: ["/tmp"], write: ["/tmp"], run: [], sockets: [], system: [] };
    const outcome = await runAgent([
      "check",
      "--config",
      paths.configFile,
      `--granted=${JSON.stringify(granted)}`,
    ]);
    assertEquals(outcome.code, EXIT.ok, outcome.stderr);
    const { confined, uncovered } = z.parse(Report, JSON.parse(outcome.stdout));
    assertEquals(confined, false);
    assert(
      uncovered?.includes("/srv/data") && uncovered.includes("/usr/bin/uptime"),
      `${uncovered}`,
    );
  } finally {
    await Deno.remove(paths.directory, { recursive: true });
  }
});
