/**
 * Which log a request reads.
 *
 * @module
 */

import { invalidParams } from "../../lib/base/errors.ts";
import type { Context } from "../../lib/core/method.ts";
import type { JournalSource } from "../../lib/guest/logs.ts";
import { requireGroup } from "../../lib/policy/groups.ts";
import { type AllowedPath, allowPath } from "../../lib/policy/paths.ts";

/** The parameters that name a log. */
export interface SourceParams {
  readonly path?: string;
  readonly unit?: string;
  readonly kernel?: true;
  readonly since?: number;
}

/** A log file that may be read, or a part of the journal. */
export type LogSource =
  | { readonly kind: "file"; readonly path: AllowedPath }
  | { readonly kind: "journal"; readonly journal: JournalSource };

/**
 * The log that a request names.
 *
 * @throws {RpcError} -32602 unless it names exactly one, -32001 if its path may not be read.
 */
export function sourceOf(
  { path, unit, kernel, since }: SourceParams,
  { config: { security }, configFile, guest }: Pick<Context, "config" | "configFile" | "guest">,
): LogSource {
  const given = [path, unit, kernel].filter((one) => one !== undefined);
  if (given.length !== 1) {
    throw invalidParams("exactly one of path, unit and kernel must be given", {
      params: ["path", "unit", "kernel"],
    });
  }
  if (unit !== undefined) return { kind: "journal", journal: { kind: "unit", unit } };
  if (path === undefined) return { kind: "journal", journal: { kind: "kernel" } };
  if (since !== undefined) {
    throw invalidParams("since is only for the journal: the lines of a file have no common time", {
      params: ["since"],
    });
  }
  requireGroup("log_read with path", "file-read", security.allow, configFile);
  const list = "allowed_read_paths";
  return { kind: "file", path: allowPath(path, security[list], { list, rules: guest.paths }) };
}
