/**
 * The agent without `--channel`: it opens its port through the shell and keeps itself running.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import * as z from "zod";
import { AGENT_ENVIRONMENT, agentCommand } from "../../scripts/agent.ts";
import { configuration, makePaths } from "../agent/_agent.ts";
import { Host } from "../agent/_host.ts";
import { survivors } from "../_processes.ts";
import { Pty } from "../../scripts/windows/pty.ts";
import { until, within } from "../_waiting.ts";
import { isAlive } from "../_processes.ts";

const KEEP_RUNNING = fromFileUrl(new URL("_keep_running.ts", import.meta.url));
const RETRY_MS = 300;
const STOP_MS = 20_000;

/** A supervisor with its log; disposing of it kills what is left. */
class Supervisor implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  log = "";

  constructor(port: string, command: readonly string[]) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", KEEP_RUNNING, port, String(RETRY_MS), ...command],
      env: AGENT_ENVIRONMENT,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.log += text;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  async logged(text: string): Promise<void> {
    await until(() => this.log.includes(text), () => `"${text}" in the log: ${this.log}`);
  }

  async ended(): Promise<number> {
    return (await within(this.#child.status, `the end: ${this.log}`, STOP_MS)).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has exited.
    }
    await this.ended();
    await this.#reading;
  }
}

/** A pseudo terminal as the port, its host, and an agent's command line for it. */
async function prepare() {
  const paths = await makePaths();
  await Deno.writeTextFile(paths.configFile, JSON.stringify(configuration(paths)));
  const args = ["--channel", "stdio", "--config", paths.configFile];
  const command = [Deno.execPath(), ...await agentCommand(args, { bundled: false })];
  const pty = new Pty();
  const host = new Host(pty.wire);
  return {
    ...{ pty, host, paths, command },
    [Symbol.asyncDispose]: async () => {
      await host.close();
      await pty[Symbol.asyncDispose]();
      await Deno.remove(paths.directory, { recursive: true });
    },
  };
}

const Pid = z.looseObject({ stdout: z.string() });

/** The process that answers: the parent of a command. */
async function agentPid(host: Host): Promise<number> {
  const { stdout } = await host.call(
    "exec_command",
    { command: "sh", args: ["-c", "echo $PPID"] },
    Pid,
  );
  return Number(stdout);
}

Deno.test("a killed agent is restarted on the same port, until SIGTERM", async () => {
  const stage = await prepare();
  await using _stage = stage;
  const { host, pty, command } = stage;
  await using supervisor = new Supervisor(pty.path, command);
  const first = await agentPid(host);
  Deno.kill(first, "SIGKILL");
  await supervisor.logged('"the agent exited; restarting it"');
  const second = await agentPid(host);
  assert(second !== first, "another process");
  Deno.kill(supervisor.pid, "SIGTERM");
  assertEquals(await supervisor.ended(), 0, supervisor.log);
  assertEquals(await survivors([second]), []);
  assertMatch(supervisor.log, /"agent stopped"/);
});

Deno.test("SIGHUP reaches the agent and stops nothing", async () => {
  const stage = await prepare();
  await using _stage = stage;
  const { host, pty, command } = stage;
  await using supervisor = new Supervisor(pty.path, command);
  const pid = await agentPid(host);
  Deno.kill(supervisor.pid, "SIGHUP");
  assertEquals(await agentPid(host), pid);
  assert(await isAlive(supervisor.pid));
});

Deno.test("a missing port is waited for, and no file is created", async () => {
  const stage = await prepare();
  await using _stage = stage;
  const { host, pty, paths, command } = stage;
  const port = `${paths.directory}/port`;
  await using supervisor = new Supervisor(port, command);
  await supervisor.logged('"the port does not exist; waiting for the host to add it"');
  // Creating the link fails if a file has been created.
  await Deno.symlink(pty.path, port);
  await host.ping();
});

for (const status of [64, 78]) {
  Deno.test(`an agent that exits with status ${status} is not restarted`, async () => {
    const pty = new Pty();
    await using _pty = pty;
    await using supervisor = new Supervisor(pty.path, ["/bin/sh", "-c", `exit ${status}`]);
    assertEquals(await supervisor.ended(), status);
    assertMatch(supervisor.log, /failed permanently; not restarting it/);
  });
}
