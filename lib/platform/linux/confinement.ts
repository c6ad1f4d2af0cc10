/**
 * Confinement on Linux: of the agent, and of the process that supervises it.
 *
 * @module
 */

import { isInside } from "../../policy/paths.ts";
import { Confiner } from "../confinement.ts";
import type { Permissions } from "../permissions.ts";
import { permissionRemedy } from "./permission_remedy.ts";
import { SHELL } from "./programs.ts";

/** Confines the agent: `/` stands for the whole file system. */
export const CONFINER = new Confiner({
  everything: () => ["/"],
  isInside,
  remedy: permissionRemedy,
});

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
