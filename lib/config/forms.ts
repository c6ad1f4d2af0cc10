/**
 * What differs between the configurations of two platforms.
 *
 * @module
 */

import type * as z from "zod";
import type { PathRules } from "../policy/paths.ts";

/** How a platform names files and programs, and the defaults that do. */
export interface ConfigForms {
  /** How paths are compared. */
  readonly paths: PathRules;
  /** A file or directory; the schema's result is normalised. */
  readonly path: z.ZodMiniType<string, string>;
  /** A program: its bare name or its path. */
  readonly command: z.ZodMiniType<string, string>;
  /** Where the command monitor listens. */
  readonly pipe: z.ZodMiniType<string, string>;
  /** Who may connect to it. */
  readonly group: z.ZodMiniType<string, string>;
  readonly defaults: {
    readonly log_file: string | null;
    readonly allowed_read_paths: readonly string[];
    readonly allowed_write_paths: readonly string[];
    readonly pipe_path: string;
    readonly state_directory: string;
  };
}
