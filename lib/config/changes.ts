/**
 * The differences between two configurations, and which of them a running agent can apply.
 *
 * @module
 */

import type { Config } from "./schema.ts";

/** Keys that are only read at startup, since what they name stays open. */
export const READ_AT_STARTUP: readonly string[] = [
  "audit",
  "audit_file",
  "channel_name",
  "command_monitor.enabled",
  "command_monitor.pipe_group",
  "command_monitor.pipe_mode",
  "command_monitor.pipe_path",
  "connection_retry_seconds",
  "events.keep_kb",
  "log_file",
  "state_directory",
];

/** The result of a reload. */
export interface ReloadReport {
  /** The file, or "defaults". */
  readonly source: string;
  /** Keys whose new values took effect, such as `security.max_file_size_mb`. */
  readonly changed: readonly string[];
  /** Keys whose new values take effect after a restart. */
  readonly needRestart: readonly string[];
  /** What the configuration allows but Deno refuses, since the agent was started without it. */
  readonly refusedByDeno: readonly string[];
}

type Members = readonly (readonly [key: string, value: unknown])[];

const isGroup = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The keys with their values; keys in groups are `group.key`. */
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

/** The part of a newly read configuration that a running agent can apply. */
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
      state_directory: running.state_directory,
      channel_name: running.channel_name,
      connection_retry_seconds: running.connection_retry_seconds,
      events: { ...fresh.events, keep_kb: running.events.keep_kb },
      command_monitor: { ...fresh.command_monitor, enabled, pipe_path, pipe_mode, pipe_group },
    },
    needRestart: changedKeys(running, fresh).filter((key) => READ_AT_STARTUP.includes(key)),
  };
}
