import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "zod";
import { type Config, ConfigSchema, defaultConfig } from "../../lib/config/schema.ts";
import { binaryArguments, TARGETS } from "../../scripts/compile.ts";
import { LINUX } from "../../scripts/compile/linux.ts";
import { denoDirWithoutRuntime, NO_NETWORK, provideBundle } from "./_compile.ts";
import { ROOT } from "../_deno.ts";
import { runScript } from "./_run.ts";
import { TempDirectory } from "../lib/_helpers.ts";

const COMPILE = "scripts/compile.ts";
const BUNDLE = `${ROOT}dist/agent.js`;

Deno.test("deno task compile says in one line what to provide where there is no denort", async () => {
  // Nothing is downloaded for bundling.
  await provideBundle("agent.js", "main.ts");
  await using directory = await TempDirectory.make();
  const env = { ...NO_NETWORK, ...await denoDirWithoutRuntime(directory.path) };
  const output = `${directory.path}/out/agent`;
  for (const target of TARGETS) {
    const { code, stdout, stderr } = await runScript(
      COMPILE,
      ["--target", target, "--output", output],
      env,
    );
    assertEquals({ code, stdout }, { code: 69, stdout: "" });
    assertMatch(stderr, /^compile: .* set DENORT_BIN=\/path\/to\/denort, or provide \S+\.zip\n$/);
    assertStringIncludes(stderr, `${directory.path}/dl/release/v`);
    assertStringIncludes(stderr, `/denort-${target}.zip`);
  }
  assertEquals(await Array.fromAsync(Deno.readDir(`${directory.path}/out`)), []);
});

const WRONG: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  ["an unknown target", ["--target", "vax"], 64, /^compile: --target must be one of .*"vax"\n$/],
  ["an unknown option", ["--fast"], 64, /^compile: unknown argument --fast; see --help\n$/],
  ["a word too many", ["linux"], 64, /^compile: unknown argument linux; see --help\n$/],
  ["an option without value", ["--config"], 64, /^compile: --config needs a value\n$/],
  [
    "a missing configuration",
    ["--config", "/nonexistent"],
    78,
    /^compile: \/nonexistent: cannot be read: .*\n$/,
  ],
];
for (const [what, args, status, message] of WRONG) {
  Deno.test(`deno task compile exits with ${status} for ${what}`, async () => {
    const { code, stderr } = await runScript(COMPILE, args);
    assertEquals(code, status);
    assertMatch(stderr, message);
  });
}

Deno.test("deno task compile tells every problem of a configuration", async () => {
  await using directory = await TempDirectory.make();
  const file = `${directory.path}/config.json`;
  await Deno.writeTextFile(file, JSON.stringify({ log_level: "loud", surprise: 1 }));
  const { code, stderr } = await runScript(COMPILE, ["--config", file]);
  assertEquals(code, 78);
  assertMatch(stderr, /log_level must be/);
  assertMatch(stderr, /surprise is unknown/);
});

Deno.test("deno task compile refuses a whole runtime and leaves no file", async () => {
  await provideBundle("agent.js", "main.ts");
  await using directory = await TempDirectory.make();
  const output = `${directory.path}/out/agent`;
  const env = { DENORT_BIN: Deno.execPath() };
  const { code, stdout, stderr } = await runScript(COMPILE, ["--output", output], env);
  assertEquals({ code, stdout }, { code: 69, stdout: "" });
  assertMatch(stderr, /^compile: the runtime is a whole deno, .*; provide denort \S+ for \S+\n$/);
  assertEquals(await Array.fromAsync(Deno.readDir(`${directory.path}/out`)), []);
});

Deno.test("a binary carries its permissions before the arguments of whoever starts it", async () => {
  await provideBundle("agent.js", "main.ts");
  await using directory = await TempDirectory.make();
  const output = `${directory.path}/agent`;
  const { flags, baked } = binaryArguments(defaultConfig(), LINUX);
  // Any executable of the platform can carry a program; this one does not run it.
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["compile", "--quiet", "--no-config", ...flags, "--output", output, BUNDLE, ...baked],
    env: { DENORT_BIN: Deno.execPath() },
  }).output();
  assert(success);
  const binary = new TextDecoder("latin1").decode(await Deno.readFile(output));
  assertStringIncludes(binary, `{"argv":${JSON.stringify(baked)}`);
  for (const flag of flags.filter((one) => one.startsWith("--v8-flags="))) {
    for (const one of flag.slice("--v8-flags=".length).split(",")) {
      assertStringIncludes(binary, JSON.stringify(one));
    }
  }
});

Deno.test("a binary may listen on one socket for its host", () => {
  const { flags } = binaryArguments(defaultConfig(), LINUX);
  const net = flags.find((flag) => flag.startsWith("--allow-net="));
  assertStringIncludes(net ?? "", "unix:/run/kvmmanager-agent/agent.sock");
});

Deno.test("a binary refuses another socket and names the one that it may use", async () => {
  const { flags, baked } = binaryArguments(defaultConfig(), LINUX);
  const channel = "listen:/tmp/kvmmanager-not-granted.sock";
  const args = ["run", ...flags, "main.ts", ...baked, "--channel", channel];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  assertEquals(code, 69);
  assertMatch(new TextDecoder().decode(stderr), /without permission to connect to this socket/);
});

/** Runs the agent as a binary for `compiledFor` would run, and returns its report. */
async function checkAs(compiledFor: Config, config: unknown): Promise<unknown> {
  await using directory = await TempDirectory.make();
  const file = `${directory.path}/config.json`;
  await Deno.writeTextFile(file, JSON.stringify(config));
  const { flags, baked } = binaryArguments(compiledFor, LINUX);
  const args = ["run", ...flags, "main.ts", ...baked, "check", "--config", file];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

const Report = z.looseObject({
  confined: z.boolean(),
  uncovered: z.optional(z.array(z.string())),
});

const MONITOR = { enabled: true, pipe_path: "/run/other/commands.sock" };
const whitelisted = z.parse(ConfigSchema, { security: { command_whitelist: ["ls"] } });
const CONFINEMENTS: readonly (readonly [string, Config, unknown, z.output<typeof Report>])[] = [
  ["the same configuration", defaultConfig(), {}, { confined: true }],
  [
    "one that needs less",
    defaultConfig(),
    { security: { allowed_read_paths: ["/tmp/a"], command_whitelist: [] } },
    { confined: true },
  ],
  [
    "one that reads more",
    defaultConfig(),
    { security: { allowed_read_paths: ["/tmp", "/srv"] } },
    { confined: false, uncovered: ["/srv"] },
  ],
  [
    "one that writes more",
    defaultConfig(),
    { log_file: "/var/log/other.log" },
    { confined: false, uncovered: ["/var/log/other.log"] },
  ],
  [
    "one with the command monitor that it was compiled for",
    defaultConfig(),
    { command_monitor: { enabled: true } },
    { confined: true },
  ],
  [
    "one with a command monitor elsewhere",
    z.parse(ConfigSchema, { command_monitor: MONITOR }),
    { command_monitor: MONITOR },
    { confined: true },
  ],
  [
    // Deno refuses to run it, which no right to files can change.
    "one that runs more",
    whitelisted,
    { security: { command_whitelist: ["/opt/tool"] } },
    { confined: true, uncovered: ["/opt/tool"] },
  ],
];
for (const [what, compiledFor, config, expected] of CONFINEMENTS) {
  Deno.test(`a binary is ${expected.confined ? "" : "not "}confined under ${what}`, async () => {
    const { confined, uncovered } = z.parse(Report, await checkAs(compiledFor, config));
    assertEquals({ confined, uncovered }, { uncovered: undefined, ...expected });
  });
}

/** Starts a probe with the permissions of a default binary; what it can read before and after. */
async function probe(config: unknown): Promise<unknown> {
  const { flags, baked } = binaryArguments(defaultConfig(), LINUX);
  const file = "tests/scripts/_confinement_probe.ts";
  const args = ["run", ...flags, file, ...baked, JSON.stringify(config)];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("a binary gives up reading and writing everywhere when it is confined", async () => {
  assertEquals(await probe({}), {
    before: { read: true, write: true },
    confined: true,
    after: { read: false, write: false },
    allowed: true,
  });
});

Deno.test("a binary keeps reading and writing where its configuration goes further", async () => {
  assertEquals(await probe({ security: { allowed_read_paths: ["/tmp", "/srv"] } }), {
    before: { read: true, write: true },
    confined: false,
    after: { read: true, write: true },
    allowed: true,
  });
});
