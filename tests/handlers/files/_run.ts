/**
 * Runs a file method against files in memory.
 *
 * @module
 */

import type { Config } from "../../../lib/config/schema.ts";
import { Caller } from "../../../lib/core/caller.ts";
import type { Context, Method } from "../../../lib/core/method.ts";
import { CollectingLog, configWith, NEVER } from "../../lib/_helpers.ts";
import type { MemoryFiles } from "../../lib/guest/_memory_files.ts";
import { memoryServices } from "../../lib/guest/_memory_guest.ts";

/** What a test may choose. */
export interface RunOptions {
  readonly security?: Partial<Config["security"]>;
  readonly resultLimitBytes?: number;
}

/** Runs the method with `/in` allowed for reading and writing. */
export async function run(
  method: Method,
  files: MemoryFiles,
  params: Readonly<Record<string, unknown>>,
  { security, resultLimitBytes = 100_000 }: RunOptions = {},
): Promise<unknown> {
  const config = configWith();
  const context: Context = {
    config: {
      ...config,
      security: {
        ...config.security,
        allowed_read_paths: ["/in"],
        allowed_write_paths: ["/in"],
        ...security,
      },
    },
    ...memoryServices({ files }),
    log: new CollectingLog(),
    methods: [method],
    signal: NEVER,
    resultLimitBytes,
    caller: new Caller(),
  };
  return await method.prepare(params).run(context);
}
