/**
 * How a Windows guest's configuration names files and programs, and the defaults that do.
 *
 * @module
 */

import * as z from "zod";
import type { ConfigForms } from "../../../config/forms.ts";
import { type ConfigSchema, configSchema } from "../../../config/schema.ts";
import type { WindowsFolders } from "../folders.ts";
import { pathProblem, tidied, WINDOWS_PATHS } from "../paths.ts";
import { isBatchFile } from "../program_names.ts";

/** `\\.\pipe\` and a name, 256 characters in all (CreateNamedPipeW). */
const PIPE_PATH = /^\\\\\.\\pipe\\[^\\]{1,247}$/;

const DrivePath = z.string().check(
  z.overwrite(tidied),
  z.refine((path) => pathProblem(path) === undefined, {
    error: ({ input }) => `must ${pathProblem(String(input))}`,
  }),
  z.refine(
    (path) => pathProblem(path) !== undefined || WINDOWS_PATHS.normalize(path) === path,
    "must not contain '.', '..' or two backslashes in a row",
  ),
);

const isBareName = (name: string) =>
  /^[^\\/:]+$/.test(name) && name !== "." && name !== ".." &&
  pathProblem(`C:\\${name}`) === undefined;

const CommandName = z.string().check(
  z.overwrite((name) => isBareName(name) ? name : tidied(name)),
  z.refine(
    (name) =>
      isBareName(name) ||
      pathProblem(name) === undefined && WINDOWS_PATHS.normalize(name) === name && name.length > 3,
    "must be a program's bare name or its path with a drive",
  ),
  z.refine(
    (name) => !isBatchFile(name),
    "must not be a batch file: the host runs one by cmd.exe, which may run any other, too",
  ),
);

const PipePath = z.string().check(
  z.refine((path) => PIPE_PATH.test(path), String.raw`must have the form \\.\pipe\NAME`),
);

const GroupName = z.string().check(
  z.refine(
    // A group's name, with its domain or computer if need be, or its SID.
    (name) =>
      /^(?:[^\p{C}"/\\[\]:;|=,+*?<>]{1,64}\\)?[^\p{C}"/\\[\]:;|=,+*?<>]{1,256}$/u.test(name),
    String.raw`must be a group's name, such as DOMAIN\Admins, or its SID`,
  ),
);

/** What {@link ConfigForms} are on Windows. */
export function windowsForms({ programData, systemRoot }: WindowsFolders): ConfigForms {
  const own = `${programData}\\KVMManager`;
  return {
    paths: WINDOWS_PATHS,
    path: DrivePath,
    command: CommandName,
    pipe: PipePath,
    group: GroupName,
    defaults: {
      // A service has no standard error that anybody reads.
      log_file: `${own}\\agent.log`,
      allowed_read_paths: [`${own}\\files`, `${systemRoot}\\Logs`],
      allowed_write_paths: [`${own}\\files`],
      pipe_path: String.raw`\\.\pipe\google-guest-agent-commands`,
      state_directory: `${own}\\state`,
    },
  };
}

/** The schema of a Windows guest's configuration. */
export const windowsSchema = (folders: WindowsFolders): typeof ConfigSchema =>
  configSchema(windowsForms(folders));

/** The file that is read if none is named and the registry has no value. */
export const defaultConfigPath = ({ programData }: WindowsFolders): string =>
  `${programData}\\KVMManager\\agent-config.json`;
