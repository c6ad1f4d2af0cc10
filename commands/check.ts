/**
 * `kvmmanager-agent check`: prints the effective configuration.
 *
 * @module
 */

import { loadConfig } from "../lib/config/load.ts";
import { linkedRoots } from "../lib/platform/linux/files/linked_roots.ts";
import { judgeConfinement } from "../lib/platform/linux/confinement.ts";
import { parsePermissions, permissionFlags, permissionsFor } from "../lib/platform/linux/grants.ts";
import type { Invocation } from "./usage.ts";

/**
 * Returns the report as JSON: the configuration's source and values, the flags it needs, and
 * whether this binary will be confined under it.
 *
 * @throws {ConfigError} if the configuration is invalid.
 */
export async function check({ config: path, granted }: Invocation): Promise<string> {
  const { config, source } = await loadConfig(path);
  const permissions = permissionsFor(config);
  const { confined, uncovered } = judgeConfinement(
    permissions,
    granted === undefined ? undefined : parsePermissions(granted),
  );
  const linked = linkedRoots(config);
  const report = {
    source,
    config,
    permission_flags: permissionFlags(permissions),
    confined,
    ...(uncovered.length > 0 ? { uncovered } : {}),
    // These are allowed but still refused, since links are never followed.
    ...(linked.length > 0 ? { symbolic_links: linked } : {}),
  };
  return JSON.stringify(report, null, 2);
}
