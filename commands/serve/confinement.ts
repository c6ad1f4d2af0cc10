/**
 * Confines the agent at startup and logs the result.
 *
 * @module
 */

import type { Config } from "../../lib/config/schema.ts";
import type { Log } from "../../lib/log/logger.ts";
import { confine, confinementRemedy } from "../../lib/platform/linux/confinement.ts";
import { linkedRoots } from "../../lib/platform/linux/files/linked_roots.ts";
import { parsePermissions, type Permissions } from "../../lib/platform/linux/grants.ts";

/** How this agent was started. */
export interface Start {
  /** The permissions that its configuration needs. */
  readonly permissions: Permissions;
  /** The permissions that its binary was compiled with, as JSON. */
  readonly granted: string | undefined;
  readonly configFile: string | undefined;
}

/** Drops unneeded permissions and logs the result. Returns whether the agent is confined. */
export function reportConfinement(log: Log, { permissions, granted, configFile }: Start): boolean {
  const { confined, uncovered } = confine(
    permissions,
    granted === undefined ? undefined : parsePermissions(granted),
  );
  if (confined) {
    const { read, write, run } = permissions;
    log.info("confined: Deno denies access outside the configured paths", {
      read,
      write,
      run,
      ...(uncovered.length > 0 ? { uncovered } : {}),
    });
  } else {
    log.warn("not confined: Deno's confinement is off; only the agent's own checks apply", {
      uncovered,
      remedy: confinementRemedy(permissions, configFile),
    });
  }
  return confined;
}

/** Logs the allowed paths that no request can use, because they contain a symbolic link. */
export function reportLinks(log: Log, config: Config): void {
  for (const { path, realPath } of linkedRoots(config)) {
    log.info("allowed path contains a symbolic link; requests for it are refused", {
      path,
      use_instead: realPath,
    });
  }
}
