/**
 * Linux, as the agent's commands see it.
 *
 * @module
 */

import { resolve } from "@std/path/posix";
import { DEFAULT_CONFIG_PATH, loadConfig } from "../../config/load.ts";
import { defaultConfig } from "../../config/schema.ts";
import type { Platform } from "../platform.ts";
import { deviceChannel } from "./channel/device.ts";
import { listenChannel } from "./channel/listen.ts";
import { stdioChannel } from "./channel/stdio.ts";
import { CONFINER } from "./confinement.ts";
import { diagnose } from "./doctor/mod.ts";
import { LinuxWatch } from "./facts/watch.ts";
import { linkedRoots } from "./files/linked_roots.ts";
import { permissionsFor } from "./grants.ts";
import { linuxGuest } from "./guest.ts";
import { sendCommand } from "./monitor_client.ts";
import { listenOnSocket } from "./monitor_socket.ts";
import { permissionRemedy } from "./permission_remedy.ts";
import { brokerOf } from "./privileged/broker_choice.ts";
import { SHELL } from "./programs.ts";
import { keepWatchdogFed, notifySocketIn } from "./service_manager.ts";
import { openState } from "./state/state_directory.ts";
import { RUNTIME_DIRECTORY } from "./systemd_power.ts";

/** Linux. */
export const LINUX: Platform = {
  defaultConfigPath: DEFAULT_CONFIG_PATH,
  qemuGaConfPath: "/etc/qemu/qemu-ga.conf",
  defaultConfig,
  confiner: CONFINER,
  devicesNeedEverything: true,
  signals: { stop: ["SIGTERM", "SIGINT"], reload: "SIGHUP" },
  resolve: (path) => resolve(path),
  loadConfig,
  permissionsFor,
  diagnose,
  doctorFlags: ["--no-prompt", "--allow-read", `--allow-run=${SHELL}`],
  permissionRemedy,
  linkedRoots,
  openState,
  guest: (options) => linuxGuest({ ...options, broker: brokerOf(options) }),
  watch: () => new LinuxWatch(),
  openChannel: async (choice, { connection_retry_seconds }, log) => {
    if (choice.kind === "stdio") return stdioChannel();
    const path = resolve(choice.path);
    if (choice.kind === "listen") return await listenChannel(path);
    return deviceChannel(path, connection_retry_seconds * 1000, log);
  },
  listenForCommands: listenOnSocket,
  sendCommand,
  keepWatchdogFed: (socket, log, runtimeDirectory = RUNTIME_DIRECTORY) =>
    keepWatchdogFed(socket, log, notifySocketIn(runtimeDirectory)),
};
