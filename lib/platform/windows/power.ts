/**
 * Shuts down and reboots through shutdown.exe.
 *
 * @module
 */

import { sleep } from "../../base/timer.ts";
import type { PowerAction, PowerProvider, PowerRequest } from "../../guest/power.ts";

/** What shutdown.exe can do. */
type Action = Exclude<PowerAction, "halt">;

/** What Windows writes into its event log. At most 512 characters. */
const REASON = "kvmmanager-agent: requested by the host";
/** Other, planned: neither a fault nor an update. */
const REASON_CODE = "p:0:0";
const SWITCHES: Readonly<Record<Action, string>> = { shutdown: "/s", reboot: "/r" };
const MS_PER_SECOND = 1000;
/** ERROR_SHUTDOWN_IN_PROGRESS and ERROR_SHUTDOWN_IS_SCHEDULED. */
const UNDER_WAY: readonly number[] = [1115, 1190];

/** The arguments of shutdown.exe. Without a delay of its own, since a delay implies `/f`. */
export function shutdownArguments(action: Action, isForced: boolean): readonly string[] {
  const force = isForced ? ["/f"] : [];
  return [SWITCHES[action], "/t", "0", ...force, "/d", REASON_CODE, "/c", REASON];
}

/** The provider of an agent on Windows. */
export class WindowsPower implements PowerProvider {
  readonly unavailable = undefined;
  readonly #program: string;

  /** @param program The path of shutdown.exe. */
  constructor(program: string) {
    this.#program = program;
  }

  /** Only shutdown.exe knows whether it may do what it can. */
  check(action: PowerAction): Promise<string | undefined> {
    return Promise.resolve(
      action === "halt" ? "Windows cannot halt and leave the machine powered on" : undefined,
    );
  }

  async request({ action, timeoutSeconds, force }: PowerRequest): Promise<void> {
    if (action === "halt") throw new Error("check() refuses to halt");
    await this.#run(action, force);
    if (force) return;
    // A program with unsaved work may hold it up. The agent ends long before in every other case.
    void sleep(timeoutSeconds * MS_PER_SECOND).then(() => this.#run(action, true)).catch(() => {});
  }

  async #run(action: Action, isForced: boolean): Promise<void> {
    const { code, stderr } = await new Deno.Command(this.#program, {
      args: [...shutdownArguments(action, isForced)],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (code === 0 || UNDER_WAY.includes(code)) return;
    const text = new TextDecoder().decode(stderr).trim();
    throw new Error(`shutdown.exe: status ${code}${text === "" ? "" : `: ${text}`}`);
  }
}
