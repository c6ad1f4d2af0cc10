/**
 * Start-up confinement: giving up the right to read and write everywhere.
 *
 * The compiled binary carries the lists of one configuration plus `/`, so that it can read a
 * configuration file anywhere and serve one that goes further. Deno cannot narrow "everything" to a
 * list at run time, but it can take one entry out of a list: that is what happens here.
 *
 * @module
 */

import { isInside } from "../../policy/paths.ts";
import type { Permissions } from "./grants.ts";

/** What the start-up check found. */
export interface Confinement {
  /** Whether Deno itself now stops what is outside the configuration's paths. */
  readonly confined: boolean;
  /** What the configuration allows and the binary's own lists do not cover: paths, commands. */
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

function uncoveredCommands(wanted: Permissions["run"], granted: Permissions["run"]): string[] {
  if (granted === "all") return [];
  if (wanted === "all") return ["every command (command_whitelist null)"];
  return wanted.filter((program) => !granted.includes(program));
}

/**
 * Says whether an agent started with `granted` (its own lists, without the `/` beside them) would
 * be confined under a configuration that needs `wanted`; changes nothing.
 *
 * @param granted What the binary was compiled with; `undefined` for an agent started with the
 * flags of its own configuration.
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
  // Who is allowed "/" is confined by nothing, covered or not.
  const isEverything = wanted.read.includes("/") || wanted.write.includes("/");
  return {
    confined: uncovered.length === 0 && !isEverything,
    uncovered: [...new Set([...uncovered, ...commands, ...sockets])],
  };
}

/**
 * Gives up `/` for reading and writing where the configuration does not need it, and the sockets
 * that it does not have.
 *
 * @returns What holds from now on.
 */
export function confine(wanted: Permissions, granted: Permissions | undefined): Confinement {
  const judged = judgeConfinement(wanted, granted);
  for (const path of granted?.sockets ?? []) {
    if (wanted.sockets.includes(path)) continue;
    Deno.permissions.revokeSync({ name: "net", host: `unix:${path}` });
  }
  if (granted === undefined || uncoveredPaths(wanted, granted).length > 0) return judged;
  for (const name of ["read", "write"] as const) {
    // An allowed path "/" is the administrator's wish; there is nothing to give up then.
    if (!wanted[name].includes("/")) Deno.permissions.revokeSync({ name, path: "/" });
  }
  return { ...judged, confined: !holdsEverything("read") && !holdsEverything("write") };
}

/**
 * What of `wanted` Deno does not let this process touch, by name: after a change of the
 * configuration, what only a new start can bring into effect.
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
