/**
 * A Windows guest.
 *
 * @module
 */

import type { Guest } from "../../guest/guest.ts";
import { NO_POWER, Power } from "../../guest/power.ts";
import { NO_PRIVILEGED } from "../../guest/privileged.ts";
import { UsageError } from "../../base/command_line.ts";
import type { GuestOptions } from "../platform.ts";
import { WindowsInventory } from "./facts/inventory.ts";
import { WindowsFacts } from "./facts/mod.ts";
import { WindowsFiles } from "./files/mod.ts";
import { WINDOWS_PATHS } from "./paths.ts";
import { WindowsPower } from "./power.ts";
import { runCommand } from "./processes/run_command.ts";
import { startCommand, TERMINAL_PROBLEM } from "./processes/start_command.ts";
import { WINDOWS_PROGRAMS } from "./program_names.ts";
import {
  baseEnvironment,
  kindOf,
  PROGRAM_DIRECTORIES,
  SHUTDOWN_PROGRAM,
  SYSTEM_DIRECTORY,
} from "./programs.ts";

/**
 * The guest that the agent runs in.
 *
 * @throws {UsageError} if it has no such way to control power.
 */
export function windowsGuest({ state, power }: Pick<GuestOptions, "state" | "power">): Guest {
  if (power === "systemd") throw new UsageError("--power systemd is for Linux");
  const facts = new WindowsFacts();
  return {
    platform: "windows",
    paths: WINDOWS_PATHS,
    facts,
    inventory: new WindowsInventory(facts),
    files: new WindowsFiles(),
    commands: {
      searchPath: PROGRAM_DIRECTORIES,
      rules: WINDOWS_PROGRAMS,
      defaultDirectory: SYSTEM_DIRECTORY,
      isExecutableFile: (path) => kindOf(path) === "file",
      baseEnvironment: () => Promise.resolve(baseEnvironment()),
      run: runCommand,
      start: (options) => Promise.resolve(startCommand(options)),
      terminalProblem: () => TERMINAL_PROBLEM,
    },
    privileged: NO_PRIVILEGED,
    power: new Power(power === "windows" ? new WindowsPower(SHUTDOWN_PROGRAM) : NO_POWER),
    state,
  };
}
