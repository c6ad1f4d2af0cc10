/**
 * Confinement at startup: dropping the permission to read and write everywhere.
 *
 * The compiled binary carries the permission lists of one configuration plus `/`, so that it can
 * read a configuration file anywhere and serve one that allows more. Deno cannot narrow
 * "everything" to a list at run time, but it can remove one entry from a list, here `/`.
 *
 * @module
 */

import { isInside } from "../../policy/paths.ts";
import type { Permissions } from "./grants.ts";
import { permissionRemedy } from "./permission_remedy.ts";
import { SHELL } from "./programs.ts";

/** The result of the check at startup. */
export interface Confinement {
  /** Whether Deno itself now blocks access outside the configured paths. */
  readonly confined: boolean;
  /** What the configuration allows and the binary's lists lack: paths, commands, sockets. */
  readonly uncovered: readonly string[];
}

type Access = "read" | "write";

const holdsEverything = (name: Access) =>
  Deno.permissions.querySync({ name, path: "/" }).state === "granted";

const uncoveredBy = (wanted: readonly string[], granted: readonly string[]) =>
  wanted.filter((path) => !granted.some((entry) => isInside(path, entry)));

const uncoveredPaths = (wanted: Permissions, granted: Permissions) => [
  ...uncoveredBy(wanted.read, granted.read),
  ...uncoveredBy(wanted.write, granted.write),
];

const allowsEverything = ({ read, write }: Permissions) =>
  read.includes("/") || write.includes("/");

function uncoveredCommands(wanted: Permissions["run"], granted: Permissions["run"]): string[] {
  if (granted === "all") return [];
  if (wanted === "all") return ["every command (command_whitelist null)"];
  return wanted.filter((program) => !granted.includes(program));
}

/**
 * Whether an agent started with `granted` (its lists, without the additional `/`) would be confined
 * under a configuration that needs `wanted`; changes nothing.
 *
 * @param granted What the binary was compiled with; `undefined` for an agent that was started with
 * flags derived from its configuration.
 */
export function judgeConfinement(
  wanted: Permissions,
  granted: Permissions | undefined,
): Confinement {
  if (granted === undefined) {
    return { confined: !holdsEverything("read") && !holdsEverything("write"), uncovered: [] };
  }
  const uncovered = uncoveredPaths(wanted, granted);
  const commands = uncoveredCommands(wanted.run, granted.run);
  const sockets = wanted.sockets.filter((path) => !granted.sockets.includes(path));
  return {
    confined: uncovered.length === 0 && !allowsEverything(wanted),
    uncovered: [...new Set([...uncovered, ...commands, ...sockets])],
  };
}

/**
 * Drops `/` for reading and writing unless the configuration needs it, and the sockets that it does
 * not name.
 *
 * @returns The result, which holds from now on.
 */
export function confine(wanted: Permissions, granted: Permissions | undefined): Confinement {
  const judged = judgeConfinement(wanted, granted);
  for (const path of granted?.sockets ?? []) {
    if (wanted.sockets.includes(path)) continue;
    Deno.permissions.revokeSync({ name: "net", host: `unix:${path}` });
  }
  if (granted === undefined || uncoveredPaths(wanted, granted).length > 0) return judged;
  for (const name of ["read", "write"] as const) {
    // The administrator allowed "/": there is nothing to drop.
    if (!wanted[name].includes("/")) Deno.permissions.revokeSync({ name, path: "/" });
  }
  return { ...judged, confined: !holdsEverything("read") && !holdsEverything("write") };
}

/**
 * Drops every permission except starting the shell and writing the log file, for the supervising
 * parent: reading, the network, facts about the system and writing anything else.
 *
 * @param granted What the binary was compiled with; `undefined` if that is unknown.
 */
export function confineSupervisor(
  logFile: string | null,
  granted: Pick<Permissions, "write" | "run"> | undefined,
): void {
  for (const name of ["read", "net", "sys", "env", "ffi"] as const) {
    Deno.permissions.revokeSync({ name });
  }
  // Dropping a permission as a whole drops every entry of its list.
  if (logFile === null) Deno.permissions.revokeSync({ name: "write" });
  for (const path of ["/", ...granted?.write ?? []]) {
    if (path !== logFile) Deno.permissions.revokeSync({ name: "write", path });
  }
  const programs = granted?.run ?? "all";
  if (programs === "all") return;
  for (const command of programs) {
    if (command !== SHELL) Deno.permissions.revokeSync({ name: "run", command });
  }
}

/** What to do for an agent that is not confined. */
export function confinementRemedy(wanted: Permissions, configFile: string | undefined): string {
  if (allowsEverything(wanted)) {
    return 'list narrower paths than "/" in security.allowed_read_paths and allowed_write_paths';
  }
  return Deno.build.standalone
    ? permissionRemedy(configFile)
    : "start the agent through its service, kvmmanager-agent or deno task agent: these derive " +
      "Deno's permissions from the configuration";
}

/**
 * The parts of `wanted` that Deno refuses to this process, by name: after a reload, the changes
 * that need a restart.
 */
export function refusedByDeno({ read, write, run, sockets }: Permissions): string[] {
  const isRefused = (descriptor: Deno.PermissionDescriptor) =>
    Deno.permissions.querySync(descriptor).state !== "granted";
  const refused = [
    ...read.filter((path) => isRefused({ name: "read", path })).map((path) => `read ${path}`),
    ...write.filter((path) => isRefused({ name: "write", path })).map((path) => `write ${path}`),
    ...sockets.filter((path) => isRefused({ name: "net", host: `unix:${path}` }))
      .map((path) => `connect ${path}`),
  ];
  if (run === "all") {
    return isRefused({ name: "run" }) ? [...refused, "run every command"] : refused;
  }
  const programs = run.filter((command) => isRefused({ name: "run", command }));
  return [...refused, ...programs.map((program) => `run ${program}`)];
}
