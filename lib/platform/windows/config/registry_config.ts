/**
 * The configuration from the registry: one value for each setting, with the setting's name, such as
 * `security.allowed_read_paths`.
 *
 * Text is REG_SZ, numbers are REG_DWORD, lists are REG_MULTI_SZ. True and false are REG_DWORD 1 and
 * 0. An empty REG_SZ stands for `null` where that is allowed.
 *
 * @module
 */

import * as z from "zod";
import { explainIssues, shown, suggestion } from "../../../base/schema_issues.ts";
import { ConfigError } from "../../../config/load.ts";
import type { Config, ConfigSchema } from "../../../config/schema.ts";
import { dataOf, type RegistryData, type StoredValue, typeName } from "../registry/values.ts";

/** The largest value of a setting, in bytes: many times what the longest list needs. */
export const MAX_VALUE_BYTES = 65_536;

/** How a setting is stored. */
interface Setting {
  readonly kind: "text" | "number" | "boolean" | "list";
  readonly isNullable: boolean;
}

const TYPE_OF: Readonly<Record<Setting["kind"], string>> = {
  text: "a REG_SZ",
  number: "a REG_DWORD",
  boolean: "a REG_DWORD of 0 or 1",
  list: "a REG_MULTI_SZ",
};

/** The settings of a schema by their names, such as `jobs.max_running`. */
function settingsOf(schema: z.core.$ZodType, prefix = ""): ReadonlyMap<string, Setting> {
  const inner = schema instanceof z.ZodMiniDefault ? schema.def.innerType : schema;
  if (inner instanceof z.ZodMiniObject) {
    const members = Object.entries<z.core.$ZodType>(inner.shape);
    return new Map(members.flatMap(([name, member]) => [
      ...settingsOf(member, prefix === "" ? name : `${prefix}.${name}`),
    ]));
  }
  const isNullable = inner instanceof z.ZodMiniNullable;
  const value = isNullable ? inner.def.innerType : inner;
  const kind = value instanceof z.ZodMiniArray
    ? "list"
    : value instanceof z.ZodMiniBoolean
    ? "boolean"
    : value instanceof z.ZodMiniNumber
    ? "number"
    : "text";
  return new Map([[prefix, { kind, isNullable }]]);
}

/**
 * The value of a setting that a person writes as text: lists are separated by semicolons, true and
 * false are 1 and 0.
 *
 * @returns `undefined` if there is no such setting; what is wrong with the value is found out when the
 * values are read.
 */
export function registryValue(
  name: string,
  text: string,
  schema: typeof ConfigSchema,
): string | number | readonly string[] | undefined {
  const setting = settingsOf(schema).get(name.toLowerCase());
  switch (setting?.kind) {
    case undefined:
      return undefined;
    case "list":
      return text.split(";").map((item) => item.trim()).filter((item) => item !== "");
    case "text":
      return text;
    case "number":
    case "boolean":
      // A wrong type is told with what was written.
      return /^\d{1,9}$/.test(text) ? Number(text) : text;
  }
}

/** The setting's value in the words of JSON; `undefined` if the stored type is wrong. */
function jsonOf(data: RegistryData, { kind, isNullable }: Setting): unknown {
  if (isNullable && data === "") return null;
  switch (kind) {
    case "text":
      return typeof data === "string" ? data : undefined;
    case "number":
      return typeof data === "number" ? data : undefined;
    case "boolean":
      return data === 0 || data === 1 ? data === 1 : undefined;
    case "list":
      return typeof data === "object" ? data : undefined;
  }
}

/** A value with its setting, or what is wrong with it. */
function readSetting(
  value: StoredValue,
  settings: ReadonlyMap<string, Setting>,
): { readonly name: string; readonly json: unknown } | string {
  const wanted = value.name.toLowerCase();
  const setting = settings.get(wanted);
  if (setting === undefined) {
    const name = value.name === "" ? "(Default)" : value.name;
    return `${shown(name)} is unknown${suggestion(wanted, [...settings.keys()])}`;
  }
  const type = typeName(value);
  if (value.data === undefined) {
    return `${wanted} must be at most ${MAX_VALUE_BYTES} bytes, received ${value.sizeBytes}`;
  }
  const data = dataOf(value);
  // Its variables would be those of whoever reads it.
  const json = type === "REG_EXPAND_SZ" ? undefined : jsonOf(data, setting);
  if (json !== undefined) return { name: wanted, json };
  const received = data === undefined ? type : `${type} ${shown(data)}`;
  return `${wanted} must be ${TYPE_OF[setting.kind]}, received ${received}`;
}

/**
 * Checks the values of the key.
 *
 * @param key Its name, for the error.
 * @throws {ConfigError} with all problems at once; each names the value and what it holds.
 */
export function parseRegistryConfig(
  values: readonly StoredValue[],
  key: string,
  schema: typeof ConfigSchema,
): Config {
  const settings = settingsOf(schema);
  const problems: string[] = [];
  const raw: Record<string, unknown> = {};
  for (const value of values) {
    const read = readSetting(value, settings);
    if (typeof read === "string") problems.push(read);
    else put(raw, read.name, read.json);
  }
  const result = z.safeParse(schema, raw);
  if (!result.success) {
    const found = explainIssues(result.error.issues, raw, { schema });
    problems.push(...found.map(({ sentence }) => sentence));
  } else if (problems.length === 0) return result.data;
  throw new ConfigError(key, problems);
}

/** Puts a setting into its group; names are those of the schema, so there are at most two parts. */
function put(raw: Record<string, unknown>, name: string, json: unknown): void {
  const [group = "", key] = name.split(".");
  if (key === undefined) raw[group] = json;
  else raw[group] = Object.assign(raw[group] ?? {}, { [key]: json });
}
