/**
 * The chapter on the configuration file, from its schema.
 *
 * @module
 */

import { type Config, ConfigSchema, DEFAULT_CONFIG } from "../../lib/config/schema.ts";
import { DEFAULT_CONFIG_PATH } from "../../lib/config/load.ts";
import { type Field, fieldsOf } from "./fields.ts";
import { blocks, code, fenced, jsonCode, table } from "./markdown.ts";

type Key =
  | Exclude<keyof Config, "security" | "command_monitor">
  | `security.${keyof Config["security"]}`
  | `command_monitor.${keyof Config["command_monitor"]}`;

/** What each key is for; a key without its line here does not compile. */
const MEANINGS: Readonly<Record<Key, string>> = {
  version: "The version of this file's format",
  log_level: "How much is logged",
  log_file: "Where to; `null` is standard error, and so is a file that cannot be opened",
  channel_name: "The name of the virtio-serial port",
  max_message_size_kb: "The longest line, in both directions",
  connection_retry_seconds: "How long to wait before a port that was lost is opened again",
  request_timeout_seconds: "The time that a request has, its waiting included; `exec_command` " +
    "has its own",
  max_concurrent_requests: "How many requests run at once",
  max_requests_per_second: "How many requests are let in; as many at once after a pause",
  announce: "Whether `agent_ready` is sent",
  "security.allowed_read_paths": "What `file_read` may read: these, and what is below them",
  "security.allowed_write_paths": "What `file_write` may write: these, and what is below them. " +
    "Writing does not imply reading",
  "security.command_whitelist": "What `exec_command` may run; `null` is every program, `[]` none",
  "security.max_file_size_mb": "The largest file that is read or written",
  "security.max_command_timeout_seconds": "The most that `timeout_seconds` of `exec_command` " +
    "may ask for",
  "command_monitor.enabled": "Whether other programs of the guest may send commands " +
    "([command-monitor.md](command-monitor.md))",
  "command_monitor.pipe_path": "The unix socket for them; the last directory of its path is made",
  "command_monitor.pipe_mode": "The socket's permission bits: who may write may send commands",
  "command_monitor.pipe_group": "The socket's group; `null` leaves the agent's own",
  "command_monitor.request_timeout": "How long a program may take to send its request, and to " +
    "read the answer",
  "command_monitor.max_connections": "How many are served at once; more wait",
  audit_file: "Where each thing that is done to the guest is written down " +
    "([operations.md](operations.md#the-audit-file)); `null` is nowhere",
  audit: "What happens where that cannot be written: `best_effort` goes on, `required` refuses",
};

const meanings: ReadonlyMap<string, string> = new Map(Object.entries(MEANINGS));

/** Every key, and what it is for in Markdown. */
export function configurationKeys(): (Field & { readonly meaning: string })[] {
  return fieldsOf(ConfigSchema).flatMap((field) => {
    const meaning = meanings.get(field.name);
    return meaning === undefined ? [] : [{ ...field, meaning }];
  });
}

/** The chapter. */
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
      "is optional, and without the file all have their defaults. Everything that is wrong in it, " +
      "unknown keys included, is reported at once, and the agent exits with status 78. " +
      "`kvmmanager-agent check --config FILE` prints what a file comes to: every value, the " +
      "permissions it needs and whether the binary will be confined under it.",
    table(["Key", "Meaning", "Type", "Default", "Rule, unit"], rows),
    "The defaults as a file:",
    fenced("json", JSON.stringify(DEFAULT_CONFIG, null, 2)),
  );
}
