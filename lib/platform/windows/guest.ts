/**
 * A Windows guest.
 *
 * @module
 */

import type { Guest } from "../../guest/guest.ts";
import { NO_POWER, Power } from "../../guest/power.ts";
import { NO_PRIVILEGED } from "../../guest/privileged.ts";
import type { State } from "../../guest/state.ts";
import { WindowsFacts } from "./facts/mod.ts";
import { WindowsFiles } from "./files/mod.ts";
import { WINDOWS_PATHS } from "./paths.ts";
import { runCommand } from "./processes/run_command.ts";
import { startCommand, TERMINAL_PROBLEM } from "./processes/start_command.ts";
import {
  baseEnvironment,
  kindOf,
  PROGRAM_DIRECTORIES,
  SYSTEM_DIRECTORY,
  WINDOWS_PROGRAMS,
} from "./programs.ts";

/** The guest that the agent runs in. */
export function windowsGuest({ state }: { readonly state: State }): Guest {
  return {
    platform: "windows",
    paths: WINDOWS_PATHS,
    facts: new WindowsFacts(),
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
    power: new Power(NO_POWER),
    state,
  };
}
