/**
 * A guest with the agent installed: a machine, and the actions of a host and its administrator.
 *
 * @module
 */

import * as z from "zod";
import { AgentClient, type ClientOptions } from "../../host/client.ts";
import { messageOf } from "../../lib/base/message_of.ts";
import {
  type LaunchOptions,
  Machine,
  type MachineOptions,
  type PortName,
  PORTS,
} from "./machine.ts";
import { agentReady } from "./agent_ready.ts";
import { Patience } from "./patience.ts";
import type { Qmp } from "./qmp.ts";
import { rootReady, RootScriptError, runAsRoot, type ScriptResult } from "./root_shell.ts";

const BOOT_MS = 300_000;
const ROOT_SCRIPT_MS = 60_000;
const POWER_OFF_MS = 40_000;
const UNPLUG_MS = 60_000;
const MIGRATION_MS = 120_000;
const MIGRATION_POLL_MS = 100;

/** How a guest is booted. */
export interface BootOptions extends MachineOptions {
  /** `agent`: until it announces itself; `root`: until {@link Guest.root} works. @default "agent" */
  readonly until?: "agent" | "root" | "nothing";
}

const MigrationState = z.looseObject({
  status: z.string(),
  "error-desc": z.optional(z.string()),
});

/** A booted guest; disposing of it ends it and removes its files. */
export class Guest implements AsyncDisposable {
  #readyMs: number | undefined;
  readonly #startedAt: number;

  private constructor(readonly machine: Machine) {
    this.#startedAt = performance.now();
  }

  /**
   * Starts a guest.
   *
   * @throws {Error} with the end of its console, if it does not come up.
   */
  static async boot({ until = "agent", ...options }: BootOptions): Promise<Guest> {
    const guest = new Guest(await Machine.start(options));
    try {
      if (until === "agent") {
        await guest.ready();
        guest.#readyMs = performance.now() - guest.#startedAt;
      } else if (until === "root") await guest.rootReady();
      return guest;
    } catch (error) {
      const console = await guest.machine.console();
      await guest[Symbol.asyncDispose]();
      throw new Error(`${messageOf(error)}; the guest's console ends with:\n${console}`);
    }
  }

  /** Milliseconds from power-on to `agent_ready`, where the boot waited for that. */
  get readyMs(): number | undefined {
    return this.#readyMs;
  }

  /** The host's side of the agent's port. */
  get socket(): string {
    return this.machine.socket("agent");
  }

  /** The host's side of qemu-ga's port. */
  get qemuGaSocket(): string {
    return this.machine.socket("qemu-ga");
  }

  /** Connects to the agent; the port serves one connection at a time. */
  async client(options?: ClientOptions): Promise<AgentClient> {
    return await AgentClient.connect(this.socket, options);
  }

  /**
   * Connects and waits for the next `agent_ready`.
   *
   * @returns Its parameters.
   * @throws {Error} if it does not come in time.
   */
  async ready(deadlineMs = BOOT_MS): Promise<unknown> {
    return await agentReady(this.socket, deadlineMs, () => this.machine.hasEnded);
  }

  /** Waits until {@link root} works, after a boot. */
  async rootReady(deadlineMs = BOOT_MS): Promise<void> {
    await rootReady(this.machine.socket("root"), deadlineMs, () => this.machine.hasEnded);
  }

  /**
   * Runs a shell script as root in the guest.
   *
   * @returns What it printed.
   * @throws {RootScriptError} if its status is not 0, or the guest does not answer.
   */
  async root(script: string, timeoutMs?: number): Promise<string> {
    const { status, stdout, stderr } = await this.tryRoot(script, timeoutMs);
    if (status === 0) return stdout;
    throw new RootScriptError(`status ${status} of: ${script}\n${stdout}${stderr}`);
  }

  /** Runs a script that may fail. */
  async tryRoot(script: string, timeoutMs = ROOT_SCRIPT_MS): Promise<ScriptResult> {
    return await runAsRoot(this.machine.socket("root"), script, timeoutMs);
  }

  /** A connection to QEMU itself. */
  async qmp(): Promise<Qmp> {
    return await this.machine.qmp();
  }

  /** Unplugs a port from the running guest. */
  async unplug(port: PortName): Promise<void> {
    const qmp = await this.qmp();
    await using _qmp = qmp;
    await qmp.execute("device_del", { id: `port-${port}` });
    await qmp.take("DEVICE_DELETED", UNPLUG_MS, ({ data }) => data.device === `port-${port}`);
  }

  /** Plugs a port in again. */
  async plug(port: PortName): Promise<void> {
    const qmp = await this.qmp();
    await using _qmp = qmp;
    await qmp.execute("device_add", {
      driver: "virtserialport",
      bus: "ports.0",
      chardev: port,
      name: PORTS[port],
      id: `port-${port}`,
    });
  }

  /** Saves the machine's state to a file by a migration, and ends QEMU. */
  async saveTo(file: string): Promise<void> {
    {
      const qmp = await this.qmp();
      await using _qmp = qmp;
      await qmp.execute("migrate", { uri: `exec:cat > '${file}'` });
      const patience = new Patience(MIGRATION_MS);
      for (;;) {
        const state = z.parse(MigrationState, await qmp.execute("query-migrate"));
        if (state.status === "completed") break;
        if (state.status === "failed" || patience.isOver) {
          throw new Error(`migration ${state.status}: ${state["error-desc"] ?? "too slow"}`);
        }
        await new Promise((resolve) => setTimeout(resolve, MIGRATION_POLL_MS));
      }
    }
    await this.machine.quit();
  }

  /** Starts QEMU with the state that {@link saveTo} has saved; the guest continues. */
  async restoreFrom(file: string): Promise<void> {
    await this.#relaunch({ incoming: `exec:cat '${file}'` });
    const qmp = await this.qmp();
    await using _qmp = qmp;
    const isRunning = z.looseObject({ running: z.boolean() });
    const patience = new Patience(MIGRATION_MS);
    while (!z.parse(isRunning, await qmp.execute("query-status")).running) {
      if (patience.isOver) throw new Error("the guest does not continue");
      await new Promise((resolve) => setTimeout(resolve, MIGRATION_POLL_MS));
    }
  }

  /** Powers on a machine that has ended, with its disk as it was. */
  async powerOn(): Promise<void> {
    await this.#relaunch({});
  }

  async #relaunch(options: LaunchOptions): Promise<void> {
    await this.machine.quit();
    await this.machine.launch(options);
  }

  /**
   * Powers the guest off as an administrator would: through the agent; if that fails by its power
   * button; if that fails by ending QEMU.
   *
   * @returns What worked.
   */
  async powerOff(): Promise<"agent" | "power button" | "plug"> {
    if (await this.#asked(() => this.#shutdownByAgent())) return "agent";
    if (await this.#asked(() => this.#pressPowerButton())) return "power button";
    await this.machine.quit();
    return "plug";
  }

  /** Whether the guest powers off after an action. */
  async #asked(ask: () => Promise<void>): Promise<boolean> {
    try {
      await ask();
    } catch {
      return this.machine.hasEnded;
    }
    return await this.machine.ended(POWER_OFF_MS);
  }

  async #shutdownByAgent(): Promise<void> {
    const client = await this.client();
    await using _client = client;
    await client.call("shutdown", undefined, { timeoutMs: 5000 });
  }

  async #pressPowerButton(): Promise<void> {
    const qmp = await this.qmp();
    await using _qmp = qmp;
    await qmp.execute("system_powerdown");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]();
  }
}
