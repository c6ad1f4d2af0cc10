/**
 * One Wine for all tests of a file, and agents in it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { toWindows, Wine } from "../../scripts/windows/wine.ts";
import { Host } from "../agent/_host.ts";
import { Pty } from "../agent/_pty.ts";
import { ROOT } from "../_deno.ts";
import manifest from "../../deno.json" with { type: "json" };

/** The agent's bundle, as a path of Windows. */
const BUNDLE = toWindows(`${ROOT}dist/agent-windows.js`);
const PORT = "org.kvmmanager.test";

/** How the bundle is run, without permissions. */
const RUN = ["run", "--quiet", ...manifest.bundleFlags, `--v8-flags=${manifest.v8Flags.join(",")}`];

/** The output of a program, as text. */
export async function textOf(command: Deno.Command): Promise<{ code: number; stdout: string }> {
  const { code, stdout } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout) };
}

/** Runs the agent with every permission: a subcommand that only prints. */
export async function runAgent(wine: Wine, ...args: readonly string[]) {
  return await textOf(wine.deno([...RUN, "-A", BUNDLE, ...args], { stdout: "piped" }));
}

/** An agent that serves a pseudo terminal as its port, and the host at its other end. */
export class WindowsAgent implements AsyncDisposable {
  readonly #pty: Pty;
  readonly #process: Deno.ChildProcess;
  readonly #log: Promise<string>;
  readonly host: Host;
  readonly #link: string;

  private constructor(pty: Pty, process: Deno.ChildProcess, link: string) {
    this.#pty = pty;
    this.#process = process;
    this.#link = link;
    this.host = new Host(pty.wire);
    this.#log = new Response(process.stderr).text();
  }

  /** Starts an agent with the permissions of its configuration, and waits for its greeting. */
  static async start(wine: Wine, config: Readonly<Record<string, unknown>>): Promise<WindowsAgent> {
    const pty = new Pty();
    const link = `${wine.prefix}/dosdevices/${PORT}`;
    await wine.linkDevice(PORT, pty.path);
    const file = `${wine.drive}/agent-config.json`;
    await Deno.writeTextFile(file, JSON.stringify({ log_file: null, ...config }));
    const args = ["serve", `--channel=device:\\\\.\\${PORT}`, "--config=C:\\agent-config.json"];
    const { code, stdout } = await runAgent(wine, "permissions", ...args);
    assertEquals(code, 0);
    const process = wine.deno([...RUN, ...JSON.parse(stdout), BUNDLE, ...args], {
      stderr: "piped",
      signal: undefined,
    }).spawn();
    const agent = new WindowsAgent(pty, process, link);
    await agent.host.take(
      (message) => JSON.stringify(message).includes("agent_ready"),
      "the greeting",
      60_000,
    );
    return agent;
  }

  /** Ends the agent, and returns its log. */
  async end(): Promise<string> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has already exited.
    }
    await this.#process.status;
    return await this.#log;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await Deno.remove(this.#link);
    await this.host[Symbol.asyncDispose]();
    await this.#pty[Symbol.asyncDispose]();
  }
}
