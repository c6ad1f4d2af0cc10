/**
 * What `shutdown` and `reboot` share.
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

/** The method that carries out a power action. */
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
      "The answer comes first, then it happens. It is graceful; a guest that is still up " +
      "`timeout_seconds` later is forced. `force: true` forces at once, which is as a power cut " +
      "to programs that have not saved.",
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
        when: "The agent has no way to do it; nothing happens",
      },
      { code: ERRORS.commandFailed.code, when: "A shutdown or reboot is under way already" },
    ],
    audited: true,
    example: {
      params: { timeout_seconds: 60, force: false },
      result: { initiated: true, message },
    },
    available: ({ guest }) => guest.power.isAvailable,
    target: ({ timeout_seconds, force }) => ({ timeout_seconds, force }),
    run: async ({ timeout_seconds, force }, { guest, signal }) => {
      const request = { action, timeoutSeconds: timeout_seconds, force };
      const accepted = await guest.power.accept(request, signal);
      return new ResultThen({ initiated: true as const, message }, accepted);
    },
  });
}
