/**
 * A Linux guest.
 *
 * @module
 */

import { UsageError } from "../../base/command_line.ts";
import { lazily } from "../../base/lazily.ts";
import type { Guest } from "../../guest/guest.ts";
import type { State } from "../../guest/state.ts";
import { POSIX_PATHS } from "../../policy/paths.ts";
import { KeptReports } from "../../guest/kept_reports.ts";
import { NO_POWER, Power } from "../../guest/power.ts";
import { NO_PRIVILEGED } from "../../guest/privileged.ts";
import { programsThatChange } from "../../guest/programs_that_change.ts";
import type { PowerChoice } from "../platform.ts";
import { LinuxFacts } from "./facts/mod.ts";
import { readHomeDirectory } from "./facts/home_directory.ts";
import { LinuxInventory } from "./facts/inventory/mod.ts";
import { LinuxClock } from "./clock/mod.ts";
import { LinuxCloudInit } from "./cloud_init/mod.ts";
import { linuxServices } from "./services/mod.ts";
import { linuxPackages } from "./packages/mod.ts";
import { LinuxUsers } from "./users/mod.ts";
import { LinuxMetrics } from "./metrics/mod.ts";
import { LinuxFiles } from "./files/mod.ts";
import { LinuxLogs } from "./logs/mod.ts";
import { LinuxProcesses } from "./proc/mod.ts";
import { runCommand } from "./processes/run_command.ts";
import { startCommand } from "./processes/start_command.ts";
import { terminalProblem } from "./processes/terminal.ts";
import { BrokerClient } from "./privileged/broker_client.ts";
import type { OpenBroker } from "./privileged/broker_link.ts";
import { isExecutableFile, isInstalled, PROGRAM_DIRECTORIES, PROGRAM_PATH } from "./programs.ts";
import { memoryState } from "../state/memory_state.ts";
import { SystemdPower } from "./systemd_power.ts";

/** How the agent was started. */
export interface LinuxGuestOptions {
  /** How the guest is shut down; by default it is not. */
  readonly power?: PowerChoice;
  /** The service's runtime directory. @default {"/run/kvmmanager-agent"} */
  readonly runtimeDirectory?: string;
  /** Whether commands run in a separate control group. */
  readonly separateCommands?: boolean;
  /** By default it is in memory. */
  readonly state?: State;
  /** Performs operations that need root. */
  readonly broker?: OpenBroker | undefined;
}

/**
 * The guest that the agent runs in.
 *
 * @throws {UsageError} if it has no such way to control power.
 */
export function linuxGuest(options: LinuxGuestOptions = {}): Guest {
  if (options.power === "windows") throw new UsageError("--power windows is for Windows");
  const { power, runtimeDirectory, separateCommands, broker, state = memoryState() } = options;
  let home: Promise<string> | undefined;
  // Commands that start together share one lookup; a failed lookup is repeated.
  const lookUpHome = async () => {
    try {
      return await readHomeDirectory();
    } catch (error) {
      home = undefined;
      throw error;
    }
  };
  const files = new LinuxFiles(separateCommands);
  const reports = new KeptReports();
  // Looking for programs that are missing takes a millisecond of the start.
  const services = lazily(() => linuxServices());
  const packages = lazily(() => linuxPackages(separateCommands === true));
  const cloudInit = lazily(() => isInstalled("cloud-init") ? new LinuxCloudInit() : undefined);
  return {
    platform: "linux",
    facts: new LinuxFacts(reports),
    inventory: new LinuxInventory(reports),
    reports,
    paths: POSIX_PATHS,
    files,
    logs: new LinuxLogs(files),
    metrics: new LinuxMetrics(),
    clock: new LinuxClock(),
    processes: new LinuxProcesses(),
    get services() {
      return services();
    },
    users: new LinuxUsers(),
    get packages() {
      return packages();
    },
    get cloudInit() {
      return cloudInit();
    },
    commands: {
      searchPath: PROGRAM_DIRECTORIES,
      defaultDirectory: "/",
      isExecutableFile,
      baseEnvironment: async () => ({
        PATH: PROGRAM_PATH,
        HOME: await (home ??= lookUpHome()),
        LANG: "C.UTF-8",
        TERM: "dumb",
      }),
      ...programsThatChange(reports, {
        run: (options) => runCommand(options, separateCommands === true),
        start: (options) => startCommand(options, separateCommands === true),
      }),
      terminalProblem,
    },
    privileged: broker === undefined ? NO_PRIVILEGED : new BrokerClient(broker),
    power: new Power(power === "systemd" ? new SystemdPower(runtimeDirectory) : NO_POWER),
    state,
  };
}
