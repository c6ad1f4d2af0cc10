import { assertEquals } from "@std/assert";
import { applicableConfig, changedKeys } from "../../../lib/config/changes.ts";
import { type Config, defaultConfig } from "../../../lib/config/schema.ts";

const OTHER: Config = {
  version: "1.2.3",
  log_level: "debug",
  log_file: "/var/log/other.log",
  channel_name: "other.0",
  max_message_size_kb: 1,
  connection_retry_seconds: 1,
  request_timeout_seconds: 1,
  max_concurrent_requests: 1,
  max_requests_per_second: 1,
  freeze_ttl_seconds: 1,
  announce: false,
  security: {
    allow: ["see"],
    allowed_read_paths: [],
    allowed_write_paths: [],
    command_whitelist: [],
    command_environment: ["MINE"],
    process_arguments: true,
    managed_users: ["deploy"],
    managed_groups: ["www-data"],
    managed_services: ["nginx"],
    update_key: `MCowBQYDK2VwAyEA${"A".repeat(43)}=`,
    max_file_size_mb: 1,
    max_command_timeout_seconds: 1,
  },
  jobs: {
    max_running: 1,
    max_kept: 1,
    max_output_mb: 1,
    max_total_output_mb: 1,
    max_seconds: 1,
    keep_seconds: 1,
  },
  command_monitor: {
    enabled: true,
    pipe_path: "/run/other.sock",
    pipe_mode: "0700",
    pipe_group: "adm",
    request_timeout: "1s",
    max_connections: 1,
  },
  audit_file: "/var/log/audit.jsonl",
  audit: "required",
  state_directory: "/srv/state",
  events: { sources: [], keep_kb: 64, filesystem_percent: 1 },
};

const AT_START = [
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

Deno.test("changedKeys() names every key that differs, and nothing else", () => {
  assertEquals(changedKeys(defaultConfig(), defaultConfig()), []);
  const groups = ["security", "jobs", "command_monitor", "events"] as const;
  const all = [
    ...Object.keys(OTHER).filter((key) => !groups.some((group) => group === key)),
    ...groups.flatMap((group) => Object.keys(OTHER[group]).map((key) => `${group}.${key}`)),
  ].sort();
  assertEquals(changedKeys(defaultConfig(), OTHER), all);
});

Deno.test("changedKeys() compares lists by their members", () => {
  const security = { ...defaultConfig().security, command_whitelist: ["ls"] };
  const more = { ...security, command_whitelist: ["ls", "cat"] };
  assertEquals(
    changedKeys({ ...defaultConfig(), security }, { ...defaultConfig(), security: more }),
    ["security.command_whitelist"],
  );
});

Deno.test("applicableConfig() keeps the keys that are read at startup, and names them", () => {
  const { config, needRestart } = applicableConfig(defaultConfig(), OTHER);
  assertEquals(needRestart, AT_START);
  assertEquals(
    changedKeys(defaultConfig(), config),
    changedKeys(defaultConfig(), OTHER).filter((key) => !AT_START.includes(key)),
  );
});
