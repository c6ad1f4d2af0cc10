/**
 * The Deno permissions that a configuration needs on Windows.
 *
 * Calling functions of the system is one permission, and whoever has it can do what the process's
 * account can: Deno's lists hold for what the agent does through Deno, and the agent's own checks
 * for the rest (docs/security.md).
 *
 * @module
 */

import type { Config } from "../../config/schema.ts";
import type { Permissions, StartPaths } from "../permissions.ts";
import { WINDOWS_PROGRAMS } from "./program_names.ts";

/** Where a Windows keeps what the agent needs. */
export interface GrantedPlaces {
  /** The configuration file that is read if none is named. */
  readonly defaultConfigPath: string;
  /** The directories in which a bare name is looked up. */
  readonly programDirectories: readonly string[];
  /** The program that shuts it down. */
  readonly shutdownProgram: string;
}

const SYSTEM_FACTS = [
  "cpus",
  "hostname",
  "networkInterfaces",
  "osRelease",
  "osUptime",
  "systemMemoryInfo",
] as const;

const unique = (values: readonly (string | null | undefined)[]): string[] =>
  [...new Set(values.filter((value) => typeof value === "string"))].sort();

/** The permissions for a configuration. */
export function permissionsFor(
  { security, log_file, audit_file, state_directory }: Config,
  { configFile, qemuGaConf, power }: StartPaths,
  { defaultConfigPath, programDirectories, shutdownProgram }: GrantedPlaces,
): Permissions {
  const { allowed_read_paths, allowed_write_paths, command_whitelist } = security;
  return {
    read: unique([
      ...allowed_read_paths,
      ...allowed_write_paths,
      defaultConfigPath,
      configFile,
      qemuGaConf,
      // To check whether its last line is complete.
      audit_file,
      state_directory,
    ]),
    write: unique([...allowed_write_paths, log_file, audit_file, state_directory]),
    run: command_whitelist === null ? "all" : unique([
      ...command_whitelist.flatMap((entry) => filesOf(entry, programDirectories)),
      power === true ? shutdownProgram : null,
    ]),
    sockets: [],
    system: SYSTEM_FACTS,
    usesLibraries: true,
  };
}

/** The files that an entry of the whitelist may stand for. */
function filesOf(entry: string, directories: readonly string[]): readonly string[] {
  const { isBareName, files, join } = WINDOWS_PROGRAMS;
  return isBareName(entry)
    ? directories.flatMap((directory) => files(join(directory, entry)))
    : files(entry);
}
