/**
 * Settings that an installer writes into the registry.
 *
 * The installer's own copy is in a key below, so that what a person has changed since stays when the
 * agent is removed.
 *
 * @module
 */

import { UsageError } from "../../../base/command_line.ts";
import { windowsSchema } from "../config/forms.ts";
import { KEY } from "../config/mod.ts";
import { MAX_VALUE_BYTES, parseRegistryConfig, registryValue } from "../config/registry_config.ts";
import { windowsFolders } from "../folders.ts";
import { readKey } from "../registry/read_key.ts";
import type { StoredValue } from "../registry/values.ts";
import {
  deleteKey,
  deleteValue,
  type NewValue,
  storedValue,
  writeKey,
} from "../registry/write_key.ts";

const COPY_KEY = `${KEY}\\Installed`;
const PARENT_KEY = KEY.slice(0, KEY.lastIndexOf("\\"));

/**
 * Writes settings.
 *
 * @param words Such as `log_level=debug`; one without a value leaves the setting as it is.
 * @throws {UsageError} if there is no such setting.
 * @throws {ConfigError} if the registry's configuration would be invalid; nothing is written then.
 */
export function writeSettings(words: readonly string[]): void {
  const schema = windowsSchema(windowsFolders());
  const values: Record<string, NewValue> = {};
  for (const word of words) {
    const [, name = "", text = ""] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
    const value = registryValue(name, text, schema);
    if (value === undefined) {
      throw new UsageError(
        `--set must be NAME=VALUE with the name of a setting, received "${word}"`,
      );
    }
    // An installer passes what its user has not given as nothing.
    if (text.replaceAll(";", "").trim() !== "") values[name.toLowerCase()] = value;
  }
  if (Object.keys(values).length === 0) return;
  const stored = Object.entries(values).map(([name, value]) => storedValue(name, value));
  const others = (readKey(KEY, MAX_VALUE_BYTES) ?? [])
    .filter(({ name }) => values[name.toLowerCase()] === undefined);
  parseRegistryConfig([...others, ...stored], `HKLM\\${KEY}`, schema);
  writeKey(KEY, values);
  writeKey(COPY_KEY, values);
}

/** Removes the settings that are as they were written. */
export function removeSettings(): void {
  const current = new Map(
    (readKey(KEY, MAX_VALUE_BYTES) ?? []).map((value) => [value.name.toLowerCase(), value]),
  );
  for (const written of readKey(COPY_KEY, MAX_VALUE_BYTES) ?? []) {
    const now = current.get(written.name.toLowerCase());
    if (now !== undefined && isSame(now, written)) deleteValue(KEY, now.name);
  }
  deleteKey(COPY_KEY);
  for (const key of [KEY, PARENT_KEY]) deleteIfEmpty(key);
}

function deleteIfEmpty(key: string): void {
  if (readKey(key, MAX_VALUE_BYTES)?.length !== 0) return;
  try {
    deleteKey(key);
  } catch {
    // It has other keys in it.
  }
}

const isSame = (one: StoredValue, other: StoredValue): boolean =>
  one.type === other.type && one.data?.byteLength === other.data?.byteLength &&
  one.data?.every((byte, index) => byte === other.data?.[index]) === true;
