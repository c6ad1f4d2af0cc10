/**
 * Confines the agent at startup and logs the result.
 *
 * @module
 */

import type { Config } from "../../lib/config/schema.ts";
import type { Log } from "../../lib/log/logger.ts";
import { parsePermissions, type Permissions } from "../../lib/platform/permissions.ts";
import type { Platform } from "../../lib/platform/platform.ts";

/** How this agent was started. */
export interface Start {
  readonly platform: Platform;
  /** The permissions that its configuration needs. */
  readonly permissions: Permissions;
  /** The permissions that its binary was compiled with, as JSON. */
  readonly granted: string | undefined;
  readonly configFile: string | undefined;
}

/** Drops unneeded permissions and logs the result. Returns whether the agent is confined. */
export function reportConfinement(
  log: Log,
  { platform: { confiner }, permissions, granted, configFile }: Start,
): boolean {
  const { confined, uncovered } = confiner.confine(
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
      remedy: confiner.remedy(permissions, configFile),
    });
  }
  return confined;
}

/** Logs the allowed paths that no request can use, because they contain a symbolic link. */
export function reportLinks(log: Log, config: Config, platform: Platform): void {
  for (const { path, realPath } of platform.linkedRoots(config)) {
    log.info("allowed path contains a symbolic link; requests for it are refused", {
      path,
      use_instead: realPath,
    });
  }
}
