/**
 * Confinement at startup: dropping the permission to read and write everywhere.
 *
 * The compiled binary carries the permission lists of one configuration plus the whole file system,
 * so that it can read a configuration file anywhere and serve one that allows more. Deno cannot
 * narrow "everything" to a list at run time, but it can remove one entry from a list, here the roots
 * of the file system.
 *
 * @module
 */

import type { Permissions } from "./permissions.ts";

/** The result of the check at startup. */
export interface Confinement {
  /** Whether Deno itself now blocks access outside the configured paths. */
  readonly confined: boolean;
  /** What the configuration allows and the binary's lists lack: paths, commands, sockets. */
  readonly uncovered: readonly string[];
}

/** What a platform knows about its whole file system. */
export interface FileSystemRoots {
  /** The paths that everything is inside of: `/`, or the root of each drive. */
  everything(): readonly string[];
  /** Whether `path` is `root` or below it. */
  isInside(path: string, root: string): boolean;
  /** What to do if Deno refuses what the configuration allows. */
  remedy(configFile: string | undefined): string;
}

type Access = "read" | "write";

/** Confines the agent on one platform. */
export class Confiner {
  readonly #roots: FileSystemRoots;

  constructor(roots: FileSystemRoots) {
    this.#roots = roots;
  }

  /**
   * Whether an agent started with `granted` (its lists, without the whole file system) would be
   * confined under a configuration that needs `wanted`; changes nothing.
   *
   * @param granted What the binary was compiled with; `undefined` for an agent that was started with
   * flags derived from its configuration.
   */
  judge(wanted: Permissions, granted: Permissions | undefined): Confinement {
    if (granted === undefined) {
      return { confined: !this.#holdsAnyRoot(), uncovered: [] };
    }
    const uncovered = this.#uncoveredPaths(wanted, granted);
    const commands = uncoveredCommands(wanted.run, granted.run);
    const sockets = wanted.sockets.filter((path) => !granted.sockets.includes(path));
    return {
      confined: uncovered.length === 0 && !this.#allowsEverything(wanted),
      uncovered: [...new Set([...uncovered, ...commands, ...sockets])],
    };
  }

  /**
   * Drops the whole file system for reading and writing unless the configuration needs it, and the
   * sockets that it does not name.
   *
   * @returns The result, which holds from now on.
   */
  confine(wanted: Permissions, granted: Permissions | undefined): Confinement {
    const judged = this.judge(wanted, granted);
    for (const path of granted?.sockets ?? []) {
      if (wanted.sockets.includes(path)) continue;
      Deno.permissions.revokeSync({ name: "net", host: `unix:${path}` });
    }
    if (granted === undefined || this.#uncoveredPaths(wanted, granted).length > 0) return judged;
    for (const name of ["read", "write"] as const) {
      for (const path of this.#roots.everything()) {
        // The administrator allowed it: there is nothing to drop.
        if (!wanted[name].includes(path)) Deno.permissions.revokeSync({ name, path });
      }
    }
    return { ...judged, confined: !this.#holdsAnyRoot() };
  }

  /** What to do for an agent that is not confined. */
  remedy(wanted: Permissions, configFile: string | undefined): string {
    if (this.#allowsEverything(wanted)) {
      const roots = this.#roots.everything().filter((root) => allows(wanted, root));
      return `list narrower paths than ${
        roots.map((root) => `"${root}"`).join(" or ")
      } in security.allowed_read_paths and allowed_write_paths`;
    }
    return Deno.build.standalone
      ? this.#roots.remedy(configFile)
      : "start the agent through its service, kvmmanager-agent or deno task agent: these derive " +
        "Deno's permissions from the configuration";
  }

  #holdsAnyRoot(): boolean {
    const holds = (name: Access) =>
      this.#roots.everything().some((path) =>
        Deno.permissions.querySync({ name, path }).state === "granted"
      );
    return holds("read") || holds("write");
  }

  #allowsEverything(wanted: Permissions): boolean {
    return this.#roots.everything().some((root) => allows(wanted, root));
  }

  #uncoveredPaths(wanted: Permissions, granted: Permissions): string[] {
    const uncovered = (name: Access) =>
      wanted[name].filter((path) =>
        !granted[name].some((entry) => this.#roots.isInside(path, entry))
      );
    return [...uncovered("read"), ...uncovered("write")];
  }
}

const allows = ({ read, write }: Permissions, root: string) =>
  read.includes(root) || write.includes(root);

function uncoveredCommands(wanted: Permissions["run"], granted: Permissions["run"]): string[] {
  if (granted === "all") return [];
  if (wanted === "all") return ["every command (command_whitelist null)"];
  return wanted.filter((program) => !granted.includes(program));
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
