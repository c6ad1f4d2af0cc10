/**
 * exec_command against a guest in memory.
 *
 * @module
 */

import { assert } from "@std/assert";
import * as z from "zod";
import { execCommand } from "../../../handlers/commands/exec_command.ts";
import { type Config, defaultConfig } from "../../../lib/config/schema.ts";
import { Caller } from "../../../lib/core/caller.ts";
import type { Commands } from "../../../lib/guest/commands.ts";
import { CollectingLog, NEVER } from "../../lib/_helpers.ts";
import { memoryServices } from "../../lib/guest/_memory_guest.ts";

/** What a test changes of a call. */
export interface ExecOptions {
  readonly security?: Partial<Config["security"]>;
  readonly signal?: AbortSignal;
  readonly resultLimitBytes?: number;
}

/** Calls the method as the executor does; the result is checked against its schema. */
export async function exec(
  commands: Commands,
  params: Record<string, unknown>,
  { security, signal = NEVER, resultLimitBytes = 64 * 1024 }: ExecOptions = {},
): Promise<z.output<typeof execCommand.result>> {
  const result = await execCommand.prepare(params).run({
    config: { ...defaultConfig(), security: { ...defaultConfig().security, ...security } },
    ...memoryServices({ commands }),
    log: new CollectingLog(),
    methods: [execCommand],
    signal,
    resultLimitBytes,
    caller: new Caller(),
  });
  // As it arrives: long output is bytes until then.
  const arrived: unknown = JSON.parse(JSON.stringify(result));
  const checked = z.safeParse(execCommand.result, arrived);
  assert(checked.success, checked.error?.message);
  return checked.data;
}
