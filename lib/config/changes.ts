/**
 * What differs between two configurations, and what of it a running agent can take over.
 *
 * @module
 */

import type { Config } from "./schema.ts";

/**
 * Keys that are looked at when the agent starts and not again: what they name is open by then. The
 * version of the file's format changes nothing.
 */
const READ_AT_START: readonly string[] = [
  "audit",
  "audit_file",
  "channel_name",
  "command_monitor.enabled",
  "command_monitor.pipe_group",
  "command_monitor.pipe_mode",
  "command_monitor.pipe_path",
  "connection_retry_seconds",
  "log_file",
];

/** What came of reloading the configuration. */
export interface ReloadReport {
  /** The file, or that there is none. */
  readonly source: string;
  /** Keys that are different from now on, as `security.max_file_size_mb`. */
  readonly changed: readonly string[];
  /** Keys that are different in the file and take effect at the next start. */
  readonly needRestart: readonly string[];
  /** What the configuration allows and Deno, as it was started, does not. */
  readonly refusedByDeno: readonly string[];
}

type Members = readonly (readonly [key: string, value: unknown])[];

const isGroup = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The keys with their values, those of groups as `group.key`. */
const membersOf = (config: object, prefix = ""): Members =>
  Object.entries(config).flatMap(([key, value]): Members =>
    isGroup(value) ? membersOf(value, `${prefix}${key}.`) : [[`${prefix}${key}`, value]]
  );

/** The keys whose values differ, sorted. */
export function changedKeys(before: Config, after: Config): string[] {
  const old = new Map(membersOf(before).map(([key, value]) => [key, JSON.stringify(value)]));
  return membersOf(after).filter(([key, value]) => old.get(key) !== JSON.stringify(value))
    .map(([key]) => key).sort();
}

/** The configuration that a running agent can go on with, out of one that was read anew. */
export function takeOver(
  running: Config,
  fresh: Config,
): { readonly config: Config; readonly needRestart: readonly string[] } {
  const { enabled, pipe_path, pipe_mode, pipe_group } = running.command_monitor;
  return {
    config: {
      ...fresh,
      log_file: running.log_file,
      audit_file: running.audit_file,
      audit: running.audit,
      channel_name: running.channel_name,
      connection_retry_seconds: running.connection_retry_seconds,
      command_monitor: { ...fresh.command_monitor, enabled, pipe_path, pipe_mode, pipe_group },
    },
    needRestart: changedKeys(running, fresh).filter((key) => READ_AT_START.includes(key)),
  };
}
