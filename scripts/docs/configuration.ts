/**
 * The chapter on the configuration file, generated from its schema.
 *
 * @module
 */

import { type Config, ConfigSchema, defaultConfig } from "../../lib/config/schema.ts";
import { DEFAULT_CONFIG_PATH } from "../../lib/config/load.ts";
import { type Field, fieldsOf } from "./fields.ts";
import { blocks, code, fenced, jsonCode, table } from "./markdown.ts";

type Key =
  | Exclude<keyof Config, "security" | "jobs" | "command_monitor" | "events">
  | `security.${keyof Config["security"]}`
  | `jobs.${keyof Config["jobs"]}`
  | `command_monitor.${keyof Config["command_monitor"]}`
  | `events.${keyof Config["events"]}`;

/** The purpose of each key. A key missing here is a type error. */
const MEANINGS: Readonly<Record<Key, string>> = {
  version: "The version of this file's format",
  log_level: "The least severe messages to log",
  log_file:
    "The log file; with `null`, or if the file cannot be opened, standard error, which is the " +
    "journal under systemd",
  channel_name: "The name of the virtio-serial port",
  max_message_size_kb: "The longest message in either direction",
  connection_retry_seconds: "The pause before a lost port is opened again",
  request_timeout_seconds: "The time limit of a request, including the time it waits; " +
    "`exec_command` has its own",
  max_concurrent_requests: "How many requests run at the same time",
  max_requests_per_second: "How many requests are accepted; as many in one burst after a pause",
  freeze_ttl_seconds: "How long file systems stay frozen that a client of qemu-ga's language has " +
    "frozen and does not thaw",
  announce: "Whether to send `agent_ready`",
  "security.allow":
    "The groups of methods that are on ([Groups](#groups)); the default is what a " +
    "host could do to its guest anyway",
  "security.allowed_read_paths":
    "Files and directories that the file methods may read, including everything below",
  "security.allowed_write_paths": "Files and directories that `file_write` and `file_commit` may " +
    "write, including everything below. Writing does not imply reading",
  "security.command_whitelist":
    "Programs that `exec_command` may run; `null` allows every program, `[]` none",
  "security.command_environment": "Variables that `env` of `exec_command` may set to any value " +
    "while `command_whitelist` is set, in addition to the harmless ones; each can make a listed " +
    "program run other code",
  "security.process_arguments": "Whether `process_list` returns command lines, which may hold " +
    "secrets",
  "security.managed_users":
    "Users that the group `accounts` may create, change and delete, by name " +
    "or by a pattern such as `app-*`. Patterns reach ordinary users (numbers from 1000 on) only; " +
    "root and users of the system have to be listed by name",
  "security.managed_groups": "Groups that the group `accounts` may put users into. Some, such as " +
    "`sudo` and `docker`, make a user root",
  "security.managed_services": "Units that the group `services` may control, such as `nginx` or " +
    "`app-*.service`",
  "security.update_key": "The public key of releases that `agent_update` may install: the middle " +
    "line of an Ed25519 key's PEM file. `null` turns updates off",
  "security.max_file_size_mb": "The largest file that may be read or written",
  "security.max_command_timeout_seconds": "The largest `timeout_seconds` that `exec_command` " +
    "accepts",
  "jobs.max_running": "How many jobs may run at the same time",
  "jobs.max_kept":
    "How many jobs are known, running or not; the oldest ended one is forgotten first",
  "jobs.max_output_mb": "How much output of a job is kept; the oldest is dropped",
  "jobs.max_total_output_mb": "How much output of all jobs is kept together",
  "jobs.max_seconds": "The largest `timeout_seconds` that `job_start` accepts, and its default",
  "jobs.keep_seconds":
    "How long an ended job is kept: the largest `keep_seconds` that `job_start` " +
    "accepts, and its default",
  "command_monitor.enabled": "Whether programs in the guest can send commands " +
    "([command-monitor.md](command-monitor.md))",
  "command_monitor.pipe_path":
    "The unix socket for commands; the last directory of its path is created",
  "command_monitor.pipe_mode":
    "The socket's permissions; whoever may write to it may send commands",
  "command_monitor.pipe_group":
    "The socket's group; `null` and `\"-1\"` keep the agent's own group",
  "command_monitor.request_timeout":
    "The time a program has to send its request, and to read the " +
    "answer",
  "command_monitor.max_connections":
    "How many connections are served at the same time; others wait",
  audit_file: "The file that records what the host does " +
    "([operations.md](operations.md#the-audit-file)); `null` records nothing",
  state_directory:
    "The directory, `0700`, for what outlives the agent's process, such as the output of jobs. With " +
    "`null`, or if it cannot be used, less is kept, in memory " +
    "([operations.md](operations.md#the-state-directory))",
  "events.sources":
    "The events that are recorded ([events_read](#events_read)); `program` are those " +
    "that programs send",
  "events.keep_kb": "How much of the newest events is kept",
  "events.filesystem_percent": "From which usage on a file system counts as full",
  audit:
    "What to do if an action cannot be recorded: `best_effort` carries it out, `required` refuses it",
};

const meanings: ReadonlyMap<string, string> = new Map(Object.entries(MEANINGS));

/** Every key with its purpose in Markdown. */
export function configurationKeys(): (Field & { readonly meaning: string })[] {
  return fieldsOf(ConfigSchema).flatMap((field) => {
    const meaning = meanings.get(field.name);
    return meaning === undefined ? [] : [{ ...field, meaning }];
  });
}

/** The chapter on configuration. */
export function configurationChapter(): string {
  const rows = configurationKeys().map((field) => [
    code(field.name),
    field.meaning,
    field.type,
    jsonCode(field.defaultValue),
    [...field.rules, field.unit].filter((text) => text !== "").join("; "),
  ]);
  return blocks(
    "## Configuration",
    `One JSON file, ${
      code(DEFAULT_CONFIG_PATH)
    } unless \`--config FILE\` names another. Every key ` +
      "is optional; without the file, all have their defaults. The agent reports every problem in " +
      "the file at once, including unknown keys, and exits with status 78. `kvmmanager-agent check " +
      "--config FILE` prints the effective configuration, the permissions it needs and whether the " +
      "binary will be confined under it.",
    table(["Key", "Purpose", "Type", "Default", "Rule, unit"], rows),
    "The defaults as a file:",
    fenced("json", JSON.stringify(defaultConfig(), null, 2)),
  );
}
