/**
 * Lists the members of an object schema: name, type, default, rules and unit.
 *
 * @module
 */

import * as z from "zod";
import { type JsonSchema, jsonSchema } from "../../lib/core/openrpc.ts";

/** One member of a schema. */
export interface Field {
  /** Its path, for example `interfaces[].mtu`. */
  readonly name: string;
  /** The JSON type. */
  readonly type: string;
  /** Whether it is always present, may be absent, or has a default. */
  readonly presence: "required" | "optional" | "default";
  /** The default, if presence is "default". */
  readonly defaultValue: unknown;
  /** Constraints beyond the type. */
  readonly rules: readonly string[];
  /** The unit of a number; empty if it has none. */
  readonly unit: string;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const record = (value: unknown): JsonSchema => isRecord(value) ? value : {};

/** The members of an object schema, each followed by its nested members. */
export function fieldsOf(schema: z.ZodMiniType): Field[] {
  return membersOf(schema, jsonSchema(schema), "");
}

function membersOf(schema: z.core.$ZodType, json: JsonSchema, prefix: string): Field[] {
  if (!(schema instanceof z.ZodMiniObject)) return [];
  const required = Array.isArray(json.required) ? json.required : [];
  return Object.entries(record(json.properties)).flatMap(([key, value]) => {
    const member = Object.getOwnPropertyDescriptor(schema.shape, key)?.value;
    if (!(member instanceof z.ZodMiniType)) return [];
    const own = record(value);
    const name = `${prefix}${key}`;
    const presence = Object.hasOwn(own, "default")
      ? "default"
      : required.includes(key)
      ? "required"
      : "optional";
    return [
      {
        name,
        type: typeName(own),
        presence,
        defaultValue: own.default,
        rules: [...range(own), ...customRules(member)],
        unit: unitOf(key, own),
      },
      ...nestedMembers(member, own, name),
    ];
  });
}

function nestedMembers(schema: z.core.$ZodType, json: JsonSchema, name: string): Field[] {
  const inner = unwrap(schema);
  return inner instanceof z.ZodMiniArray
    ? membersOf(unwrap(inner.def.element), record(json.items), `${name}[].`)
    : membersOf(inner, json, `${name}.`);
}

/** The schema inside wrappers such as "optional" and "default". */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const isWrapper = schema instanceof z.ZodMiniDefault || schema instanceof z.ZodMiniOptional ||
    schema instanceof z.ZodMiniNullable || schema instanceof z.ZodMiniReadonly;
  return isWrapper ? unwrap(schema.def.innerType) : schema;
}

function typeName(json: JsonSchema): string {
  const { type, items, additionalProperties, anyOf } = json;
  if ("const" in json) return JSON.stringify(json.const);
  if (Array.isArray(json.enum)) return json.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (Array.isArray(anyOf)) return anyOf.map((one) => typeName(record(one))).join(" or ");
  if (Array.isArray(type)) return type.join(" or ");
  if (type === "array") return `array of ${typeName(record(items))}`;
  if (type === "object" && isRecord(additionalProperties) && "type" in additionalProperties) {
    return `object of ${typeName(additionalProperties)}`;
  }
  return typeof type === "string" ? type : "any";
}

function range({ minimum, maximum }: JsonSchema): string[] {
  if (typeof minimum === "number" && typeof maximum === "number") {
    return [`${minimum} to ${maximum}`];
  }
  if (typeof minimum === "number") return [`at least ${minimum}`];
  return typeof maximum === "number" ? [`at most ${maximum}`] : [];
}

/** Rules that JSON Schema cannot express: the messages of custom checks. */
function customRules(schema: z.core.$ZodType): string[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodMiniArray) return labelled("each", inner.def.element);
  if (inner instanceof z.ZodMiniRecord) {
    return [...labelled("names", inner.def.keyType), ...labelled("values", inner.def.valueType)];
  }
  return (inner._zod.def.checks ?? []).flatMap((check) => {
    const { error } = check._zod.def;
    if (error === undefined) return [];
    // Zod leaves the parameter's type open; our messages ignore it.
    const message: unknown = Reflect.apply(error, undefined, [{ code: "custom" }]);
    return typeof message === "string" ? [message.replace(/^must be /, "")] : [];
  });
}

function labelled(label: string, schema: z.core.$ZodType): string[] {
  const rules = customRules(schema);
  return rules.length === 0 ? [] : [`${label}: ${rules.join(", ")}`];
}

/** Units that the name does not end with. */
const UNITS: Readonly<Record<string, string>> = {
  timestamp: "seconds since 1970-01-01 UTC",
  time: "seconds since 1970-01-01 UTC",
  since: "seconds since 1970-01-01 UTC",
  lines: "lines or entries",
  at_most_entries: "entries",
  priority: "0 (emergency) to 7 (debug)",
  pid: "process id",
  seq: "number of the event",
  rows: "characters",
  cols: "characters",
  exit_code: "exit status",
  last: "events",
  lost: "events",
  max_events: "events",
  mtu: "bytes",
  offset: "bytes",
  length: "bytes",
  modified_at: "seconds since 1970-01-01 UTC",
  limit: "entries",
  entries_removed: "entries",
  main_pid: "process id",
  restart_count: "restarts",
  task_count: "processes and threads",
  active_since: "seconds since 1970-01-01 UTC",
  gid: "group id",
  refreshed_at: "seconds since 1970-01-01 UTC",
  code: "error code",
  parent_pid: "process id",
  uid: "user id",
  start_ticks: "hundredths of a second since the guest's start",
  started_at: "seconds since 1970-01-01 UTC",
  total_count: "entries",
  boot_time: "seconds since 1970-01-01 UTC",
  timestamp_ms: "milliseconds since 1970-01-01 UTC",
  index: "number of the processor",
  process_count: "processes",
  thread_count: "threads",
  running_count: "threads",
  blocked_count: "threads",
  open_count: "files",
  open_limit: "files",
  requests_in_flight: "requests",
  network_omitted: "interfaces",
  disks_omitted: "disks",
  cores_omitted: "processors",
  names_not_utf8: "names",
  bytes_hashed: "bytes",
  bytes_read: "bytes",
  bytes_written: "bytes",
  max_requests_per_second: "requests per second",
};

const SUFFIXES: readonly (readonly [string, string])[] = [
  ["_bytes_total", "bytes since the start"],
  ["_seconds_total", "seconds since the start"],
  ["_total", "number since the start"],
  ["_bytes", "bytes"],
  ["_kb", "KiB"],
  ["_mb", "MiB"],
  ["_ms", "milliseconds"],
  ["_seconds", "seconds"],
  ["_percent", "percent"],
];

function unitOf(key: string, { type }: JsonSchema): string {
  if (type !== "integer" && type !== "number") return "";
  return UNITS[key] ?? SUFFIXES.find(([suffix]) => key.endsWith(suffix))?.[1] ?? "";
}
