/**
 * Windows, as the agent's commands see it.
 *
 * @module
 */

import { UsageError } from "../../base/command_line.ts";
import { ChannelError } from "../../channel/channel.ts";
import { Confiner } from "../confinement.ts";
import type { Platform } from "../platform.ts";
import { portChannel, portPath } from "./channel/port.ts";
import { windowsConfig } from "./config/mod.ts";
import { DRIVE_ROOTS } from "./drive_roots.ts";
import { permissionsFor } from "./grants.ts";
import { windowsGuest } from "./guest.ts";
import { sendCommand } from "./monitor_client.ts";
import { listenOnPipe } from "./monitor_pipe.ts";
import { WINDOWS_PATHS } from "./paths.ts";
import { fullPath, PROGRAM_DIRECTORIES, SHUTDOWN_PROGRAM } from "./programs.ts";
import { openState } from "./state_directory.ts";
import { WindowsWatch } from "./watch.ts";

const config = windowsConfig();

const permissionRemedy = (): string =>
  "run kvmmanager-agent service install as an administrator: it gives the service the permissions " +
  "that the configuration needs now";

/** Windows. */
export const WINDOWS: Platform & { portPath(channelName: string): string } = {
  portPath,
  defaultConfigPath: config.defaultPath,
  // Its installer starts it without one, and any user could create /etc of the system's drive.
  qemuGaConfPath: undefined,
  defaultConfig: config.defaults,
  confiner: new Confiner({
    everything: () => DRIVE_ROOTS,
    isInside: WINDOWS_PATHS.isInside,
    remedy: permissionRemedy,
  }),
  devicesNeedEverything: false,
  // For an agent in a console: closing it, Ctrl+C, and Ctrl+Break.
  signals: { stop: ["SIGTERM", "SIGINT"], reload: "SIGBREAK" },
  resolve: fullPath,
  loadConfig: config.load,
  permissionsFor: (loaded, start = {}) =>
    permissionsFor(loaded, start, {
      defaultConfigPath: config.defaultPath,
      programDirectories: PROGRAM_DIRECTORIES,
      shutdownProgram: SHUTDOWN_PROGRAM,
    }),
  permissionRemedy,
  // Whether a path contains one is known when it is opened.
  linkedRoots: () => [],
  openState,
  guest: windowsGuest,
  watch: () => new WindowsWatch(),
  openChannel: (choice, { connection_retry_seconds }, log) => {
    if (choice.kind === "device") {
      return Promise.resolve(portChannel(choice.path, connection_retry_seconds * 1000, log));
    }
    throw new ChannelError("--channel must be device:PATH on Windows");
  },
  listenForCommands: listenOnPipe,
  sendCommand,
  keepWatchdogFed: () => {
    throw new UsageError("--notify-socket is for Linux");
  },
};
