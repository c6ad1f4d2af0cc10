/**
 * What `deno task compile` has to know of a platform.
 *
 * @module
 */

import type { Config } from "../../lib/config/schema.ts";
import type { Permissions } from "../../lib/platform/permissions.ts";

/** A platform that the agent is compiled for. */
export interface Platform {
  /** The agent's main file. */
  readonly main: string;
  /** What a program's name ends with, such as `.exe`. */
  readonly extension: string;
  /**
   * The configuration of a file, or the defaults. Not this machine's file: guests have another.
   *
   * @throws {ConfigError}
   */
  configOf(file: string | undefined): Promise<Config>;
  /** The permissions of a configuration, and what stands for the whole file system. */
  grantsOf(config: Config): { granted: Permissions; everything: readonly string[] };
}
