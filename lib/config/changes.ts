/**
 * The differences between two configurations, and which of them a running agent can apply.
 *
 * @module
 */

import type { Config } from "./schema.ts";

/** Keys that are read at startup only: what they name is open from then on. */
export const READ_AT_STARTUP: readonly string[] = [
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

/** The result of a reload. */
export interface ReloadReport {
  /** The file, or "defaults". */
  readonly source: string;
  /** Keys that are different from now on, such as `security.max_file_size_mb`. */
  readonly changed: readonly string[];
  /** Keys that are different in the file and take effect after a restart. */
  readonly needRestart: readonly string[];
  /** What the configuration allows and Deno does not, since it was started without it. */
  readonly refusedByDeno: readonly string[];
}

type Members = readonly (readonly [key: string, value: unknown])[];

const isGroup = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The keys with their values; those in groups as `group.key`. */
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

/** The configuration that a running agent can use, from one that was just read. */
export function applicableConfig(
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
    needRestart: changedKeys(running, fresh).filter((key) => READ_AT_STARTUP.includes(key)),
  };
}
