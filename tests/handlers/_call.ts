/**
 * Calls a method as the executor does, with a guest in memory.
 *
 * @module
 */

import type { Config } from "../../lib/config/schema.ts";
import { Caller } from "../../lib/core/caller.ts";
import type { Context, Method } from "../../lib/core/method.ts";
import type { Guest } from "../../lib/guest/guest.ts";
import { CollectingLog, configWith, NEVER } from "../lib/_helpers.ts";
import { memoryServices } from "../lib/guest/_memory_guest.ts";

/** What a test may choose. */
export interface CallOptions extends Partial<Omit<Context, "config" | "guest">> {
  readonly guest?: Partial<Guest>;
  readonly security?: Partial<Config["security"]>;
}

/** The method's result, or the error that it throws. */
export async function call(
  method: Method,
  params: unknown,
  { guest, security, ...context }: CallOptions = {},
): Promise<unknown> {
  const config = configWith();
  return await method.prepare(params).run({
    config: { ...config, security: { ...config.security, ...security } },
    ...memoryServices(guest),
    log: new CollectingLog(),
    methods: [method],
    signal: NEVER,
    resultLimitBytes: 60_000,
    caller: new Caller(),
    ...context,
  });
}
