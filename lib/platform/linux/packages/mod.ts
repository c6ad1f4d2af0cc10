/**
 * The packages of a Linux guest.
 *
 * @module
 */

import { commandFailed, timedOut } from "../../../base/errors.ts";
import {
  type Package,
  packageKey,
  type Packages,
  type PackageUpdate,
  type PackageUpdates,
} from "../../../guest/packages.ts";
import { runCommand } from "../processes/run_command.ts";
import { isInstalled, PROGRAM_PATH, scriptArgs, SHELL } from "../programs.ts";
import { APK, APT, DNF, type Manager, ZYPPER } from "./managers.ts";

const TIMEOUT_MS = 60_000;
/** Twenty thousand packages. */
const MAX_OUTPUT_BYTES = 1024 * 1024;

/** Resolves to what a fixed script prints. */
export type RunScript = (code: string, signal: AbortSignal) => Promise<string>;

/** The packages, as one manager knows them. */
export class LinuxPackages implements Packages {
  readonly #manager: Manager;
  readonly #run: RunScript;

  constructor(manager: Manager, run: RunScript) {
    this.#manager = manager;
    this.#run = run;
  }

  get manager(): Manager["name"] {
    return this.#manager.name;
  }

  async list(signal: AbortSignal): Promise<Package[]> {
    const lines = (await this.#run(this.#manager.list, signal)).split("\n");
    const packages = lines.flatMap((line) => {
      const [name = "", version = "", architecture = ""] = line.split("\t");
      return name === "" || version === "" ? [] : [{ name, version, architecture }];
    });
    if (packages.length === 0) throw commandFailed(`${this.manager} lists no packages`);
    return packages.sort((a, b) => packageKey(a) < packageKey(b) ? -1 : 1);
  }

  async updates(signal: AbortSignal): Promise<PackageUpdates> {
    const text = await this.#run(this.#manager.updates, signal);
    const updates = new Map<string, PackageUpdate>();
    for (const line of text.split("\n")) {
      const update = this.#manager.parseUpdate(line);
      if (update !== undefined) updates.set(update.name, update);
    }
    const refreshed = /^refreshed (\d+)$/m.exec(text)?.[1];
    const reboot = /^reboot (yes|no)$/m.exec(text)?.[1];
    return {
      updates: [...updates.values()].sort((a, b) => a.name < b.name ? -1 : 1),
      ...(refreshed === undefined ? {} : { refreshedAt: Number(refreshed) }),
      ...(reboot === undefined ? {} : { isRebootRequired: reboot === "yes" }),
    };
  }
}

/**
 * The packages, by the manager that is installed; `undefined` if none is.
 *
 * @param separate Whether the manager runs in the control group of commands: it takes more memory
 * than the agent has.
 */
export function linuxPackages(separate: boolean, has = isInstalled): LinuxPackages | undefined {
  const manager = [APT, ZYPPER, DNF, APK].find(({ program }) => has(program));
  return manager && new LinuxPackages(manager, (code, signal) => run(code, separate, signal));
}

async function run(code: string, separate: boolean, signal: AbortSignal): Promise<string> {
  const result = await runCommand({
    program: SHELL,
    args: scriptArgs(code),
    workingDirectory: "/",
    env: { PATH: PROGRAM_PATH, LC_ALL: "C" },
    maxOutputBytes: MAX_OUTPUT_BYTES,
    timeoutMs: TIMEOUT_MS,
    signal,
  }, separate);
  signal.throwIfAborted();
  if (result.endedBy !== "itself") {
    throw timedOut(`the package manager did not answer within ${TIMEOUT_MS / 1000} s`);
  }
  if (result.stdout.truncated) {
    throw commandFailed(`the package manager printed more than ${MAX_OUTPUT_BYTES} bytes`);
  }
  return new TextDecoder().decode(result.stdout.bytes);
}
