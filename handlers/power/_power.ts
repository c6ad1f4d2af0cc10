/**
 * Shared by `shutdown` and `reboot`.
 *
 * @module
 */

import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { ResultThen } from "../../lib/core/outcome.ts";
import type { PowerAction } from "../../lib/guest/power.ts";

const DEFAULT_TIMEOUT_SECONDS = 60;
const MAX_TIMEOUT_SECONDS = 86_400;

/** Defines the method for a power action. */
export function powerMethod<const Action extends PowerAction>(
  action: Action,
  summary: string,
  message: string,
) {
  return method({
    name: action,
    capability: action,
    summary,
    notes: [
      "The answer is sent first. The guest then shuts down gracefully, and is forced if it is " +
      "still up after `timeout_seconds`. `force: true` forces it immediately; unsaved data is " +
      "lost, as in a power failure.",
    ],
    params: () =>
      z.strictObject({
        timeout_seconds: z._default(
          z.int().check(z.gte(0), z.lte(MAX_TIMEOUT_SECONDS)),
          DEFAULT_TIMEOUT_SECONDS,
        ),
        force: z._default(z.boolean(), false),
      }),
    result: () => z.strictObject({ initiated: z.literal(true), message: z.string() }),
    errors: [
      {
        code: ERRORS.permissionDenied.code,
        when: "The agent cannot control power; nothing happens",
      },
      { code: ERRORS.commandFailed.code, when: "A shutdown or reboot is already in progress" },
    ],
    access: "power",
    audited: true,
    example: {
      params: { timeout_seconds: 60, force: false },
      result: { initiated: true, message },
    },
    available: ({ guest }) => guest.power.isAvailable,
    target: ({ timeout_seconds, force }) => ({ timeout_seconds, force }),
    run: async ({ timeout_seconds, force }, { guest, signal, events }) => {
      const request = { action, timeoutSeconds: timeout_seconds, force };
      const accepted = await guest.power.accept(request, signal);
      const data = { action, timeout_seconds, force };
      // Not awaited: a hung disk must not block a shutdown.
      void events?.record({ type: "agent", event: "agent.power", data });
      return new ResultThen({ initiated: true as const, message }, accepted);
    },
  });
}
