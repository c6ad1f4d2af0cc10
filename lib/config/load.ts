/**
 * Reads and checks the configuration file.
 *
 * @module
 */

import * as z from "zod";
import { messageOf } from "../base/message_of.ts";
import { explainIssues } from "../base/schema_issues.ts";
import { type Config, ConfigSchema, defaultConfig } from "./schema.ts";

/** The default for `--config`. */
export const DEFAULT_CONFIG_PATH = "/etc/kvmmanager-agent/config.json";

/** The configuration is invalid; `problems` has one sentence for each error in it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(readonly path: string, readonly problems: readonly string[]) {
    super(`${path}: ${problems.join("; ")}`);
  }
}

/**
 * Checks the text of a configuration file.
 *
 * @param source The file's name, for the error.
 * @param schema That of the platform.
 * @throws {ConfigError} with all problems at once.
 */
export function parseConfig(text: string, source: string, schema = ConfigSchema): Config {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    const hint = /^\s*(\/\/|\/\*)|[,\s](\/\/|\/\*)/m.test(text) ? " (JSON has no comments)" : "";
    throw new ConfigError(source, [`not JSON: ${messageOf(error).replace(/\s+/g, " ")}${hint}`]);
  }
  const result = z.safeParse(schema, raw);
  if (!result.success) {
    const problems = explainIssues(result.error.issues, raw, { schema });
    throw new ConfigError(source, problems.map(({ sentence }) => sentence));
  }
  return result.data;
}

/**
 * Loads the configuration: the given file, or the default file, or the defaults if there is no
 * default file. A given file must exist.
 *
 * @throws {ConfigError} if the file cannot be read or is invalid.
 */
export async function loadConfig(path?: string): Promise<{ config: Config; source: string }> {
  const file = path ?? DEFAULT_CONFIG_PATH;
  const text = await readConfigText(file, { mayBeMissing: path === undefined });
  return text === undefined
    ? { config: defaultConfig(), source: "defaults" }
    : { config: parseConfig(text, file), source: file };
}

/**
 * Reads the text of a configuration file; `undefined` if there is none and it may be missing.
 *
 * @throws {ConfigError} if it cannot be read or is not UTF-8.
 */
export async function readConfigText(
  file: string,
  { mayBeMissing }: { readonly mayBeMissing: boolean },
): Promise<string | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(file);
  } catch (error) {
    if (mayBeMissing && error instanceof Deno.errors.NotFound) return undefined;
    throw new ConfigError(file, [`cannot be read: ${messageOf(error)}`]);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError(file, ["not UTF-8"]);
  }
}
