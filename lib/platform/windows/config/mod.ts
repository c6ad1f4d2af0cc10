/**
 * The configuration of a Windows guest: from a file that is named, else from the registry, else from
 * the default file.
 *
 * @module
 */

import { lazily } from "../../../base/lazily.ts";
import { parseConfig, readConfigText } from "../../../config/load.ts";
import type { Config } from "../../../config/schema.ts";
import * as z from "zod";
import { windowsFolders } from "../folders.ts";
import { readKey } from "../registry/read_key.ts";
import { defaultConfigPath, windowsSchema } from "./forms.ts";
import { MAX_VALUE_BYTES, parseRegistryConfig } from "./registry_config.ts";

/** The key below HKEY_LOCAL_MACHINE. Only administrators may change it. */
export const KEY = String.raw`Software\KVMManager\Agent`;

/** How the configuration of this guest is read. */
export interface WindowsConfig {
  /** The default file. */
  readonly defaultPath: string;
  /** The configuration of an agent without a key and a file. */
  readonly defaults: () => Config;
  /**
   * Loads the configuration. If the key has a value, the registry is the whole configuration and the
   * default file is not read.
   *
   * @param path The file to read instead; it must exist.
   * @throws {ConfigError} if it cannot be read or is invalid.
   */
  load(path?: string): Promise<{ config: Config; source: string }>;
}

/** How the configuration of this guest is read: asks Windows for its folders. */
export function windowsConfig(): WindowsConfig {
  const folders = windowsFolders();
  const schema = windowsSchema(folders);
  const defaultPath = defaultConfigPath(folders);
  const defaults = lazily(() => z.parse(schema, {}));
  return {
    defaultPath,
    defaults,
    load: async (path) => {
      const values = path === undefined ? readKey(KEY, MAX_VALUE_BYTES) ?? [] : [];
      if (values.length > 0) {
        const source = `HKLM\\${KEY}`;
        return { config: parseRegistryConfig(values, source, schema), source };
      }
      const file = path ?? defaultPath;
      const text = await readConfigText(file, { mayBeMissing: path === undefined });
      return text === undefined
        ? { config: defaults(), source: "defaults" }
        : { config: parseConfig(text, file, schema), source: file };
    },
  };
}
