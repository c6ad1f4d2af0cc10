/**
 * A Linux guest.
 *
 * @module
 */

import type { Guest } from "../../guest/guest.ts";
import { NO_POWER, Power } from "../../guest/power.ts";
import { LinuxFacts } from "./facts/mod.ts";
import { readHomeDirectory } from "./facts/home_directory.ts";
import { runSeparately } from "./processes/command_cgroup.ts";
import { runChild } from "./processes/run_child.ts";
import { findProgram } from "./programs.ts";
import { SystemdPower } from "./systemd_power.ts";

/** How the agent was started. */
export interface LinuxGuestOptions {
  /** How the guest is shut down; by default not at all. */
  readonly power?: "none" | "systemd";
  /** Whether commands run in a control group beside the agent's. */
  readonly separateCommands?: boolean;
}

/** The guest that the agent runs in. */
export function linuxGuest({ power, separateCommands }: LinuxGuestOptions = {}): Guest {
  let home: string | undefined;
  return {
    platform: "linux",
    facts: new LinuxFacts(),
    commands: {
      find: findProgram,
      homeDirectory: async () => home ??= await readHomeDirectory(),
      run: separateCommands === true ? runSeparately : runChild,
    },
    power: new Power(power === "systemd" ? new SystemdPower() : NO_POWER),
  };
}
