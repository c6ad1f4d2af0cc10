/**
 * What a binary for Linux is compiled with.
 *
 * @module
 */

import { loadConfig } from "../../lib/config/load.ts";
import { defaultConfig } from "../../lib/config/schema.ts";
import { permissionsFor } from "../../lib/platform/linux/grants.ts";
import { LISTEN_SOCKET } from "../../lib/platform/linux/permission_remedy.ts";
import type { Platform } from "./platform.ts";

/** Linux guests. */
export const LINUX: Platform = {
  main: "main.ts",
  extension: "",
  configOf: async (file) => file === undefined ? defaultConfig() : (await loadConfig(file)).config,
  grantsOf: (config) => {
    // The agent can drop the command monitor's socket at startup but cannot ask for it later. The
    // files the power units watch are writable only by the service. One socket is granted for
    // --channel listen:, and dropped unless the command line names it.
    const granted = permissionsFor({
      ...config,
      command_monitor: { ...config.command_monitor, enabled: true },
    }, { power: true, listen: LISTEN_SOCKET });
    return { granted, everything: ["/"] };
  },
};
