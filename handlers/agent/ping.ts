import * as z from "zod";
import { method, NoParams } from "../../lib/core/method.ts";

/**
 * `ping` (protocol §1): checks that the agent is alive. `timestamp` is the guest's clock in seconds
 * (Unix).
 */
export const ping = method({
  name: "ping",
  summary: "Checks that the agent is alive. Answered immediately, even under load.",
  notes: ["`timestamp` is the guest's clock in seconds since 1970-01-01 UTC."],
  params: NoParams,
  result: () => z.strictObject({ pong: z.literal(true), timestamp: z.int() }),
  access: "always",
  audited: false,
  example: { result: { pong: true, timestamp: 1702123456 } },
  immediate: true,
  whileFrozen: true,
  run: () => ({ pong: true as const, timestamp: Math.floor(Date.now() / 1000) }),
});
