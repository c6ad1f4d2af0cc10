/**
 * Agents in Wine, and the hosts at the other ends of their ports.
 *
 * @module
 */

import { startAgent } from "../../scripts/windows/agent.ts";
import { Pty } from "../../scripts/windows/pty.ts";
import type { Wine } from "../../scripts/windows/wine.ts";
import { Host } from "../agent/_host.ts";

const PORT = "org.kvmmanager.test";
/** From the start to the greeting, on a busy machine. */
const START_MS = 60_000;

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
    const link = await wine.linkDevice(PORT, pty.path);
    const file = `${wine.drive}/agent-config.json`;
    await Deno.writeTextFile(file, JSON.stringify({ log_file: null, ...config }));
    const process = await startAgent(wine, {
      port: PORT,
      config: "C:\\agent-config.json",
      stderr: "piped",
    });
    const agent = new WindowsAgent(pty, process, link);
    await agent.host.take(
      (message) => JSON.stringify(message).includes("agent_ready"),
      "the greeting",
      START_MS,
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
