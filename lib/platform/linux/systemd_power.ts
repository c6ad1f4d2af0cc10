/**
 * Controls power through systemd units, which run as root and carry out the request in a file
 * (install/lib/power). The agent only needs to write into its own runtime directory.
 *
 * @module
 */

import { sleep } from "../../base/timer.ts";
import type { PowerAction, PowerProvider, PowerRequest } from "../../guest/power.ts";
import { runScript } from "./shell.ts";

/** The service's RuntimeDirectory, for requests: no other user may write to it. */
export const RUNTIME_DIRECTORY = "/run/kvmmanager-agent";

/** The files that the units watch for. A request to halt says so in its first word. */
const FILES: Readonly<Record<PowerAction, string>> = {
  shutdown: "poweroff",
  reboot: "reboot",
  halt: "poweroff",
};
const CHECK_MS = 5000;
/** How long the unit may take to remove the request file, which is the first thing it does. */
const TAKEN_MS = 10_000;
const POLL_MS = 100;

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether the file could be removed: the unit may have taken it at the last moment. */
async function withdrawn(path: string): Promise<boolean> {
  try {
    await Deno.remove(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The provider of an agent that systemd has started. */
export class SystemdPower implements PowerProvider {
  readonly unavailable = undefined;

  /**
   * @param directory Where requests are written; the units watch it.
   * @param takenMs How long to wait until a request is taken.
   */
  constructor(readonly directory: string = RUNTIME_DIRECTORY, readonly takenMs = TAKEN_MS) {}

  async check(action: PowerAction, signal: AbortSignal): Promise<string | undefined> {
    const unit = `kvmmanager-agent-${FILES[action]}.path`;
    const state = await runScript({
      code: 'systemctl is-active "$1" 2>&1',
      args: [unit],
      timeoutMs: CHECK_MS,
      signal,
    });
    const [said = ""] = state.split("\n");
    if (said === "active") return undefined;
    return `no unit would carry it out: ${unit}: ${said === "" ? "no systemctl here" : said}`;
  }

  async request({ action, timeoutSeconds, force }: PowerRequest): Promise<void> {
    const file = `${this.directory}/${FILES[action]}`;
    const unfinished = `${this.directory}/.${FILES[action]}`;
    const word = action === "halt" ? "halt " : "";
    await Deno.writeTextFile(unfinished, `${word}${force ? "force" : timeoutSeconds}\n`);
    // The unit starts as soon as a file of that name exists, so the file must be complete by then.
    await Deno.rename(unfinished, file);
    await this.#taken(file);
  }

  /** A request that is not taken must not be carried out days later. */
  async #taken(file: string): Promise<void> {
    const deadline = performance.now() + this.takenMs;
    while (await exists(file)) {
      if (performance.now() > deadline) {
        if (!await withdrawn(file)) return;
        throw new Error(
          `${file} was not taken by its unit within ${this.takenMs / 1000} s; withdrawn`,
        );
      }
      await sleep(POLL_MS);
    }
  }
}
