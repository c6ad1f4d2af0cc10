/**
 * Allowed paths that no request can use, because they contain a symbolic link.
 *
 * @module
 */

import type { Config } from "../../../config/schema.ts";
import type { LinkedRoot } from "../../platform.ts";

/** The allowed paths that exist and are not their own real path. */
export function linkedRoots({ security }: Config): LinkedRoot[] {
  const roots = new Set([...security.allowed_read_paths, ...security.allowed_write_paths]);
  return [...roots].flatMap((path) => {
    try {
      const realPath = Deno.realPathSync(path);
      return realPath === path ? [] : [{ path, realPath }];
    } catch {
      // Missing, or not visible to the agent.
      return [];
    }
  });
}
