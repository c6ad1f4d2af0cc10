/**
 * What a binary for Windows is compiled with, on a machine that is none.
 *
 * @module
 */

import * as z from "zod";
import { parseConfig, readConfigText } from "../../lib/config/load.ts";
import type { Config } from "../../lib/config/schema.ts";
import { defaultConfigPath, windowsSchema } from "../../lib/platform/windows/config/forms.ts";
import { DRIVE_ROOTS } from "../../lib/platform/windows/drive_roots.ts";
import { permissionsFor } from "../../lib/platform/windows/grants.ts";
import type { Platform } from "./platform.ts";

/** Where Windows installs itself. A guest with other folders takes the zip or the MSI. */
const FOLDERS = { programData: "C:\\ProgramData", systemRoot: "C:\\Windows" } as const;
const SYSTEM_DIRECTORY = `${FOLDERS.systemRoot}\\System32`;

const schema = windowsSchema(FOLDERS);

/** Windows guests. */
export const WINDOWS: Platform = {
  main: "main_windows.ts",
  extension: ".exe",
  configOf,
  grantsOf: (config) => {
    const granted = permissionsFor(config, { power: true }, {
      defaultConfigPath: defaultConfigPath(FOLDERS),
      // PATH is another one there: a program elsewhere is named by its path.
      programDirectories: [SYSTEM_DIRECTORY, FOLDERS.systemRoot],
      shutdownProgram: `${SYSTEM_DIRECTORY}\\shutdown.exe`,
    });
    return { granted, everything: DRIVE_ROOTS };
  },
};

async function configOf(file: string | undefined): Promise<Config> {
  const text = file === undefined ? undefined : await readConfigText(file, { mayBeMissing: false });
  return text === undefined || file === undefined
    ? z.parse(schema, {})
    : parseConfig(text, file, schema);
}
