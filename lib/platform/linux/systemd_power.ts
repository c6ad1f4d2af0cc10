/**
 * Power through units of the service manager's, which do as root what a file asks for
 * (install/lib/power). The agent needs no right but to write into its own runtime directory.
 *
 * @module
 */

import { sleep } from "../../base/timer.ts";
import type { PowerAction, PowerProvider, PowerRequest } from "../../guest/power.ts";
import { runScript } from "./shell.ts";

/** Where requests are put: the service's RuntimeDirectory, which nobody else may write to. */
export const POWER_DIRECTORY = "/run/kvmmanager-agent";

/** The files that the units watch. */
const FILES: Readonly<Record<PowerAction, string>> = { shutdown: "poweroff", reboot: "reboot" };
const CHECK_MS = 5000;
/** How long the unit has to take a request away: it does so first of all. */
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

/** Whether the file could be removed: somebody may have taken it at the last moment. */
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
   * @param directory Another place for requests, in tests.
   * @param takenMs How long a request waits there to be taken.
   */
  constructor(readonly directory: string = POWER_DIRECTORY, readonly takenMs = TAKEN_MS) {}

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
    return `nobody would carry it out: ${unit}: ${said === "" ? "no systemctl here" : said}`;
  }

  async request({ action, timeoutSeconds, force }: PowerRequest): Promise<void> {
    const file = `${this.directory}/${FILES[action]}`;
    const unfinished = `${this.directory}/.${FILES[action]}`;
    await Deno.writeTextFile(unfinished, `${force ? "force" : timeoutSeconds}\n`);
    // The unit begins as soon as there is a file of that name: it is whole then.
    await Deno.rename(unfinished, file);
    await this.#taken(file);
  }

  /** A request that nobody takes must not be carried out when somebody comes, days later. */
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
