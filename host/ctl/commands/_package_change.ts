/**
 * Changing packages, for `package ACTION NAME...`.
 *
 * @module
 */

import { UsageError } from "../../../lib/base/command_line.ts";
import type { Invocation } from "../command.ts";
import { runOperation } from "./_operation_job.ts";

/** What can be done to packages. */
export const PACKAGE_ACTIONS = ["install", "remove", "upgrade"] as const;

/** A change. */
export interface PackageChange {
  readonly action: string;
  readonly names: readonly string[];
  /** Whether the manager asks its sources first. */
  readonly refresh: boolean;
}

/**
 * Changes packages and passes on what the manager prints; returns its exit status.
 *
 * @throws {UsageError} for an unknown action, or without names where they are needed.
 */
export async function changePackages(
  { action: word, names, refresh }: PackageChange,
  invocation: Invocation,
): Promise<number> {
  const action = PACKAGE_ACTIONS.find((known) => known === word);
  if (action === undefined) {
    throw new UsageError(`ACTION must be ${PACKAGE_ACTIONS.join(", ")}, received "${word}"`);
  }
  if (names.length === 0 && action !== "upgrade") {
    throw new UsageError(`package ${action} needs a NAME`);
  }
  const { signal } = invocation;
  const packages = [...names];
  return await runOperation(`package ${action}`, invocation, async (link, job_id) => {
    if (action === "install") {
      await link.call("package_install", { job_id, packages, refresh }, { signal });
    } else if (action === "remove") {
      await link.call("package_remove", { job_id, packages }, { signal });
    } else {
      await link.call("package_upgrade", { job_id, packages, refresh }, { signal });
    }
  });
}
