/**
 * The examples of docs/command-monitor.md, run against an agent with the tools they are for.
 *
 * @module
 */

import { assertEquals, assertStringIncludes, fail } from "@std/assert";
import { METHODS } from "../../handlers/mod.ts";
import { CommandError, Monitor } from "../../lib/monitor/monitor.ts";
import { NO_LOG } from "../../lib/log/logger.ts";
import { BUILTIN_NAMES } from "../../lib/monitor/builtin/mod.ts";
import { READ_AT_STARTUP } from "../../lib/config/changes.ts";
import { parseConfig } from "../../lib/config/load.ts";
import { defaultConfig } from "../../lib/config/schema.ts";
import type { TestAgent } from "../agent/_agent.ts";
import { pipeOf, startMonitored } from "../agent/_monitor.ts";
import { within } from "../_waiting.ts";

const DOCUMENT = await Deno.readTextFile(new URL("../../docs/command-monitor.md", import.meta.url));
const DEFAULT_PATH = defaultConfig().command_monitor.pipe_path;
const PONG = { Status: 0, StatusMessage: "" };
const PATIENCE_MS = 120_000;

/** The code of the document's chapter in a language. */
function example(chapter: string, language: string, index = 0): string {
  const text = DOCUMENT.split(`\n## ${chapter}\n`)[1]?.split("\n## ")[0] ?? "";
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))];
  return blocks[index]?.[1] ?? fail(`no ${language} in "${chapter}"`);
}

async function isInstalled(tool: string): Promise<boolean> {
  const { success } = await new Deno.Command("/bin/sh", {
    args: ["-c", 'command -v "$0"', tool],
    stdout: "null",
  }).output();
  return success;
}

/** Runs an example for the agent's socket; it must print the answer to a ping. */
async function assertPongs(
  agent: TestAgent,
  code: string,
  name: string,
  commandFor: (file: string) => readonly [string, ...string[]],
): Promise<void> {
  assertStringIncludes(code, DEFAULT_PATH);
  const file = `${agent.paths.directory}/${name}`;
  await Deno.writeTextFile(file, code.replaceAll(DEFAULT_PATH, pipeOf(agent.paths)));
  const [program, ...args] = commandFor(file);
  const running = new Deno.Command(program, {
    args,
    env: { GOCACHE: `${agent.paths.directory}/go`, GOFLAGS: "-mod=mod", NO_COLOR: "1" },
  }).output();
  const { code: status, stdout, stderr } = await within(running, program, PATIENCE_MS);
  assertEquals(status, 0, new TextDecoder().decode(stderr));
  assertEquals(JSON.parse(new TextDecoder().decode(stdout)), PONG);
}

const EXAMPLES: readonly {
  readonly chapter: string;
  readonly language: string;
  readonly index?: number;
  readonly file: string;
  /** The tool that must be installed. */
  readonly tool: string;
  readonly command: (file: string) => readonly [string, ...string[]];
}[] = [
  {
    chapter: "From a shell",
    language: "sh",
    index: 1,
    file: "example.sh",
    tool: "socat",
    command: (file) => ["/bin/sh", file],
  },
  {
    chapter: "From Python",
    language: "python",
    file: "example.py",
    tool: "python3",
    command: (file) => ["python3", file],
  },
  {
    chapter: "From Go",
    language: "go",
    file: "example.go",
    tool: "go",
    command: (file) => ["go", "run", file],
  },
  {
    chapter: "From TypeScript",
    language: "ts",
    file: "example.ts",
    tool: "/bin/sh",
    command: (file) => [Deno.execPath(), "run", "--quiet", "--no-config", "--check", "-A", file],
  },
];
for (const { chapter, language, index, file, tool, command } of EXAMPLES) {
  Deno.test(
    `the example "${chapter}" with ${tool} gets the answer to its ping`,
    { ignore: !await isInstalled(tool) },
    async () => {
      await using agent = await startMonitored();
      await assertPongs(agent, example(chapter, language, index), file, command);
    },
  );
}

Deno.test("the agent's own binary understands the commands of the shell example", async () => {
  await using agent = await startMonitored();
  const ran: number[] = [];
  for (const line of example("From a shell", "sh").trim().split("\n")) {
    const script = line.replace(
      /^kvmmanager-agent/,
      `"$0" run --quiet -A main.ts --config ${agent.paths.configFile}`,
    );
    const { code, stderr } = await new Deno.Command("/bin/sh", {
      args: ["-c", script, Deno.execPath()],
      cwd: new URL("../..", import.meta.url),
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    ran.push(code);
  }
  assertEquals(ran, [0, 0]);
});

Deno.test("the document's configuration enables the monitor", () => {
  const text = /^```json\n(.*?)^```/ms.exec(DOCUMENT)?.[1] ?? "";
  const { command_monitor } = parseConfig(text, "the document");
  assertEquals([command_monitor.enabled, command_monitor.pipe_path], [true, DEFAULT_PATH]);
});

Deno.test("the document's handler does what it says", async () => {
  const monitor = new Monitor(NO_LOG);
  const run = new Function("monitor", "CommandError", example("Adding a handler", "ts"));
  Reflect.apply(run, undefined, [monitor, CommandError]);
  const bounds = { timeoutSeconds: 1, stopping: new AbortController().signal };
  const send = (fields: Record<string, unknown>) =>
    monitor.run({ name: "agent.Greet", fields, text: "" }, bounds);
  assertEquals(await send({ Who: "you" }), { ...PONG, Greeting: "Hello, you" });
  assertEquals((await send({})).Status, 105);
});

Deno.test("the document has all built-in commands", () => {
  const table = DOCUMENT.split("\n## Built-in commands\n")[1]?.split("\n## ")[0] ?? "";
  const documented = [...table.matchAll(/^\| `(agent\.\w+)`/gm)].map(([, name]) => name);
  assertEquals(documented.toSorted(), [...BUILTIN_NAMES]);
});

Deno.test("the document has every key that needs a restart", () => {
  const text = DOCUMENT.split("`NeedRestart`")[2]?.split("`Refused`")[0] ?? "";
  const documented = [...text.matchAll(/`([a-z_.]+)`/g)].map(([, key]) => key);
  const monitorKeys = ["enabled", "pipe_path", "pipe_mode", "pipe_group"];
  const others = READ_AT_STARTUP.filter((key) => !key.startsWith("command_monitor."));
  assertEquals(documented.toSorted(), [...others, ...monitorKeys].toSorted());
});

Deno.test("no host method can be called through the command monitor", async () => {
  await using agent = await startMonitored();
  for (const { name } of METHODS) {
    for (const member of ["Name", "Command"]) {
      const connection = await Deno.connect({ transport: "unix", path: pipeOf(agent.paths) });
      const request = JSON.stringify({ [member]: name, path: "/tmp" });
      await connection.write(new TextEncoder().encode(request));
      const { Status } = await new Response(connection.readable).json();
      assertEquals(Status, 101, `${member} ${name}`);
    }
  }
});
