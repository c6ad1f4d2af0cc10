/**
 * The Deno permissions that a configuration needs: one function for `deno task agent`, the compile
 * task and the check at startup.
 *
 * @module
 */

import * as z from "zod";
import { DEFAULT_CONFIG_PATH } from "../../config/load.ts";
import type { Config } from "../../config/schema.ts";
import { GROUP_FILE } from "./groups.ts";
import { OWN_NOTIFY_SOCKET } from "./service_manager.ts";
import { POWER_DIRECTORY } from "./systemd_power.ts";
import { privateDirectoryOf, unfinishedSocketOf } from "./monitor_socket.ts";
import { PROGRAM_DIRECTORIES, SHELL } from "./programs.ts";
import { siblingOf } from "./files/new_file_place.ts";
import { RESTING_DIRECTORY } from "./files/real_path.ts";

const Paths = z.readonly(z.array(z.string()));

const PermissionsSchema = z.strictObject({
  read: Paths,
  write: Paths,
  /** `"all"` if every command is allowed. */
  run: z.union([z.literal("all"), Paths]),
  /** Unix sockets; no other part of the network is ever granted. */
  sockets: Paths,
  /** Facts about the system (`--allow-sys`). */
  system: Paths,
});

/** What Deno lets the agent use. */
export type Permissions = z.output<typeof PermissionsSchema>;

/**
 * Reads the permissions that a binary was compiled with, from the text that the compile task put
 * into it.
 *
 * @throws {Error} if the text is not valid.
 */
export function parsePermissions(text: string): Permissions {
  try {
    return z.parse(PermissionsSchema, JSON.parse(text));
  } catch {
    throw new Error("--granted is not what the compile task wrote; compile the agent again");
  }
}

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

/** What starting the agent needs besides its configuration. */
export interface StartPaths {
  /** The unix socket of `--channel listen:PATH`. */
  readonly listen?: string;
  /** qemu-ga's configuration file, read at startup. */
  readonly qemuGaConf?: string;
  /** The configuration file, read at startup and at each reload. */
  readonly configFile?: string;
  /** Whether the agent controls power through the service manager's units. */
  readonly power?: boolean;
  /** What performs operations that need root: the broker's socket, or a program. */
  readonly broker?: BrokerNeeds;
  /** The service manager's notification socket. */
  readonly notifySocket?: string;
}

/** What an agent needs to reach a broker. */
export type BrokerNeeds = { readonly socket: string } | { readonly program: string };

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
  const power = start.power === true ? [POWER_DIRECTORY] : [];
  const notify = start.notifySocket === undefined ? [] : [start.notifySocket, OWN_NOTIFY_SOCKET];
  const broker = start.broker !== undefined && "socket" in start.broker
    ? [start.broker.socket]
    : [];
  const brokerProgram = start.broker !== undefined && "program" in start.broker
    ? [start.broker.program]
    : [];
  const log = config.log_file === null ? [] : [config.log_file];
  const audit = config.audit_file === null ? [] : [config.audit_file];
  const state = config.state_directory === null ? [] : [config.state_directory];
  const qemuGaConf = start.qemuGaConf === undefined ? [] : [start.qemuGaConf];
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
      ...qemuGaConf,
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
  };
}

// In Deno's lists, a comma within a path is written twice.
const list = (values: readonly string[]) => values.map((v) => v.replaceAll(",", ",,")).join(",");

/** The permissions as command-line flags of `deno run` and `deno compile`. */
export function permissionFlags(permissions: Permissions): string[] {
  const { read, write, run, sockets, system } = permissions;
  const flags = ["--no-prompt", `--allow-sys=${list(system)}`];
  if (read.length > 0) flags.push(`--allow-read=${list(read)}`);
  if (write.length > 0) flags.push(`--allow-write=${list(write)}`);
  flags.push(run === "all" ? "--allow-run" : `--allow-run=${list(run)}`);
  if (sockets.length > 0) flags.push(`--allow-net=${list(sockets.map((path) => `unix:${path}`))}`);
  return flags;
}
