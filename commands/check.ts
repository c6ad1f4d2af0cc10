/**
 * `kvmmanager-agent check`: prints the effective configuration.
 *
 * @module
 */

import { parsePermissions, permissionFlags } from "../lib/platform/permissions.ts";
import type { Platform } from "../lib/platform/platform.ts";
import type { Invocation } from "./usage.ts";

/**
 * Returns the report as JSON: the configuration's source and values, the flags it needs, and
 * whether this binary will be confined under it.
 *
 * @throws {ConfigError} if the configuration is invalid.
 */
export async function check(
  { config: path, granted }: Invocation,
  platform: Platform,
): Promise<string> {
  const { config, source } = await platform.loadConfig(path);
  const permissions = platform.permissionsFor(config);
  const { confined, uncovered } = platform.confiner.judge(
    permissions,
    granted === undefined ? undefined : parsePermissions(granted),
  );
  const linked = platform.linkedRoots(config);
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
