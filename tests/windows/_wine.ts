/**
 * Agents in Wine, and the hosts at the other ends of their ports.
 *
 * @module
 */

import { startAgent } from "../../scripts/windows/agent.ts";
import { Pty } from "../../scripts/windows/pty.ts";
import { type Wine, wineRuntime } from "../../scripts/windows/wine.ts";
import { Host } from "../agent/_host.ts";

const PORT = "org.kvmmanager.test";
/** From the start to the greeting, on a busy machine. */
const START_MS = 60_000;

/** Provides what only Wine's deno.exe needs, and finds beside itself where nobody has copied it. */
export async function provideLibrary(wine: Wine): Promise<void> {
  const library = "bcryptprimitives.dll";
  await Deno.copyFile(
    (await wineRuntime()).replace(/[^/]*$/, library),
    `${wine.drive}/windows/system32/${library}`,
  );
}

/** A port of Windows that is a pseudo terminal, and the host at its other end. */
export class PortOfWine implements AsyncDisposable {
  readonly #pty: Pty;
  readonly #link: string;
  readonly host: Host;

  private constructor(pty: Pty, link: string) {
    this.#pty = pty;
    this.#link = link;
    this.host = new Host(pty.wire);
  }

  /** @param name The port is `\\\\.\\NAME`. */
  static async open(wine: Wine, name: string): Promise<PortOfWine> {
    const pty = new Pty();
    return new PortOfWine(pty, await wine.linkDevice(name, pty.path));
  }

  /**
   * Opens one that a driver of Windows would make.
   *
   * @param name The port is `\\\\.\\Global\\NAME`.
   */
  static async openGlobal(wine: Wine, name: string): Promise<PortOfWine> {
    await Deno.mkdir(`${wine.prefix}/dosdevices/global`, { recursive: true });
    return await PortOfWine.open(wine, `global/${name}`);
  }

  /** Waits for the greeting of an agent. */
  async greeting(): Promise<void> {
    await this.host.take(
      (message) => JSON.stringify(message).includes("agent_ready"),
      "the greeting",
      START_MS,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#link);
    await this.host[Symbol.asyncDispose]();
    await this.#pty[Symbol.asyncDispose]();
  }
}

/** An agent that serves a port, and the host at its other end. */
export class WindowsAgent implements AsyncDisposable {
  readonly #port: PortOfWine;
  readonly #process: Deno.ChildProcess;
  readonly #log: Promise<string>;

  private constructor(port: PortOfWine, process: Deno.ChildProcess) {
    this.#port = port;
    this.#process = process;
    this.#log = new Response(process.stderr).text();
  }

  get host(): Host {
    return this.#port.host;
  }

  /** Starts an agent with the permissions of its configuration, and waits for its greeting. */
  static async start(wine: Wine, config: Readonly<Record<string, unknown>>): Promise<WindowsAgent> {
    const port = await PortOfWine.open(wine, PORT);
    const file = `${wine.drive}/agent-config.json`;
    await Deno.writeTextFile(file, JSON.stringify({ log_file: null, ...config }));
    const process = await startAgent(wine, {
      port: PORT,
      config: "C:\\agent-config.json",
      stderr: "piped",
    });
    const agent = new WindowsAgent(port, process);
    await port.greeting();
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
    await this.#port[Symbol.asyncDispose]();
  }
}
