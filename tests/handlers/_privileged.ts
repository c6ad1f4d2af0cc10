/**
 * What the tests of methods that need root share: the method behind the real executor, with
 * operations answered by the test.
 *
 * @module
 */

import * as z from "zod";
import { type Config, defaultConfig } from "../../lib/config/schema.ts";
import { Executor } from "../../lib/core/executor.ts";
import type { Method } from "../../lib/core/method.ts";
import type { Guest } from "../../lib/guest/guest.ts";
import type { Privileged } from "../../lib/guest/privileged.ts";
import { GROUPS } from "../../lib/policy/groups.ts";
import type { Message } from "../agent/_host.ts";
import { CollectingLog } from "../lib/_helpers.ts";
import { TestHost } from "../lib/core/_host.ts";
import { memoryServices } from "../lib/guest/_memory_guest.ts";

const Answer = z.record(z.string(), z.unknown());

/** Calls a method, with all groups on; returns the answer, whatever it is. */
export async function callPrivileged(
  method: Method,
  params: unknown,
  privileged: Privileged,
  { log = new CollectingLog(), allow = GROUPS, guest = {} }: {
    readonly log?: CollectingLog;
    readonly allow?: Config["security"]["allow"] | typeof GROUPS;
    /** Its other parts. */
    readonly guest?: Partial<Guest>;
  } = {},
): Promise<Message> {
  const config = {
    ...defaultConfig(),
    security: { ...defaultConfig().security, allow: [...allow] },
  };
  const services = memoryServices({ ...guest, privileged });
  const executor = new Executor({ config, ...services, log, methods: [method] });
  const answers: string[] = [];
  const line = JSON.stringify({ jsonrpc: "2.0", method: method.name, params, id: 1 });
  await new TestHost(executor).handle(line, (text) => {
    answers.push(text);
    return Promise.resolve();
  });
  return z.parse(Answer, JSON.parse(answers[0] ?? ""));
}
