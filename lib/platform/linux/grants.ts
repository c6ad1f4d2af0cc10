/**
 * The Deno permissions that a configuration needs: one function for `deno task agent`, the compile
 * task and the check at startup.
 *
 * @module
 */

import { DEFAULT_CONFIG_PATH } from "../../config/load.ts";
import type { Config } from "../../config/schema.ts";
import type { Permissions, StartPaths } from "../permissions.ts";
import { GROUP_FILE } from "./groups.ts";
import { notifySocketIn } from "./service_manager.ts";
import { SESSION_PLACES } from "./facts/inventory/sessions.ts";
import { RUNTIME_DIRECTORY } from "./systemd_power.ts";
import { privateDirectoryOf, unfinishedSocketOf } from "./monitor_socket.ts";
import { PROGRAM_DIRECTORIES, SHELL } from "./programs.ts";
import { siblingOf } from "./files/new_file_place.ts";
import { RESTING_DIRECTORY } from "./files/real_path.ts";

const OS_RELEASE_FILES = ["/etc/os-release", "/usr/lib/os-release"] as const;

const SYSTEM_FACTS = [
  "hostname",
  "loadavg",
  "networkInterfaces",
  "osRelease",
  "osUptime",
  "systemMemoryInfo",
  "uid",
  "umask",
] as const;

const unique = (values: readonly string[]): string[] => [...new Set(values)].sort();

/**
 * The permissions for a configuration.
 *
 * Reading includes what may be written: a path is checked for links before it is used. The path
 * policy (`paths.ts`) decides what a request may do.
 */
export function permissionsFor(config: Config, start: StartPaths = {}): Permissions {
  const { allowed_read_paths, allowed_write_paths, command_whitelist } = config.security;
  const listen = start.listen === undefined ? [] : [start.listen];
  const { enabled, pipe_path, pipe_group } = config.command_monitor;
  const pipe = enabled ? [pipe_path] : [];
  const socketFiles = [...listen, ...pipe, ...pipe.map(privateDirectoryOf)];
  const { runtimeDirectory = RUNTIME_DIRECTORY } = start;
  const power = start.power === true ? [runtimeDirectory] : [];
  const notify = start.notifySocket === undefined
    ? []
    : [start.notifySocket, notifySocketIn(runtimeDirectory)];
  const broker = start.broker !== undefined && "socket" in start.broker
    ? [start.broker.socket]
    : [];
  const brokerProgram = start.broker !== undefined && "program" in start.broker
    ? [start.broker.program]
    : [];
  const log = config.log_file === null ? [] : [config.log_file];
  const audit = config.audit_file === null ? [] : [config.audit_file];
  const state = config.state_directory === null ? [] : [config.state_directory];
  const qga = start.qemuGaConf === undefined
    ? []
    : [start.qemuGaConf, ...Object.values(SESSION_PLACES)];
  const configFile = start.configFile === undefined ? [] : [start.configFile];
  return {
    read: unique([
      ...allowed_read_paths,
      ...allowed_write_paths,
      ...allowed_write_paths.map(siblingOf),
      ...OS_RELEASE_FILES,
      ...PROGRAM_DIRECTORIES,
      DEFAULT_CONFIG_PATH,
      ...configFile,
      ...qga,
      ...power,
      ...notify,
      ...broker,
      // To check whether its last line is complete.
      ...audit,
      ...state,
      ...socketFiles,
      ...(enabled && pipe_group !== null ? [GROUP_FILE] : []),
      RESTING_DIRECTORY,
    ]),
    write: unique([
      ...allowed_write_paths,
      ...allowed_write_paths.map(siblingOf),
      ...log,
      ...power,
      ...notify,
      ...broker,
      ...audit,
      ...state,
      ...socketFiles,
    ]),
    run: command_whitelist === null ? "all" : unique([
      SHELL,
      ...brokerProgram,
      ...command_whitelist.flatMap((entry) =>
        entry.startsWith("/") ? [entry] : PROGRAM_DIRECTORIES.map((dir) => `${dir}/${entry}`)
      ),
    ]),
    // Clients connect to the first path, the server creates the socket under the second.
    sockets: unique([...listen, ...pipe, ...pipe.map(unfinishedSocketOf), ...notify, ...broker]),
    system: SYSTEM_FACTS,
    usesLibraries: false,
  };
}
