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
import { type Permissions } from "../../lib/platform/permissions.ts";

/** Where Windows installs itself. A guest with other folders takes the zip or the MSI. */
const FOLDERS = { programData: "C:\\ProgramData", systemRoot: "C:\\Windows" } as const;
const SYSTEM_DIRECTORY = `${FOLDERS.systemRoot}\\System32`;

const schema = windowsSchema(FOLDERS);

/**
 * The configuration of a file, or the defaults.
 *
 * @throws {ConfigError}
 */
export async function windowsConfigOf(file: string | undefined): Promise<Config> {
  const text = file === undefined ? undefined : await readConfigText(file, { mayBeMissing: false });
  return text === undefined || file === undefined
    ? z.parse(schema, {})
    : parseConfig(text, file, schema);
}

/** The permissions of a configuration, and the roots of all drives. */
export function windowsGrants(
  config: Config,
): { granted: Permissions; everything: readonly string[] } {
  const granted = permissionsFor(config, { power: true }, {
    defaultConfigPath: defaultConfigPath(FOLDERS),
    // PATH is another one there: a program elsewhere is named by its path.
    programDirectories: [SYSTEM_DIRECTORY, FOLDERS.systemRoot],
    shutdownProgram: `${SYSTEM_DIRECTORY}\\shutdown.exe`,
  });
  return { granted, everything: DRIVE_ROOTS };
}
