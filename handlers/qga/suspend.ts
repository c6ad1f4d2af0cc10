/**
 * The guest-suspend-… commands, on an operation of the broker.
 *
 * @module
 */

import type { Method } from "../../lib/core/method.ts";
import { suspendOperation } from "../../lib/privileged/suspend.ts";
import { perform } from "../_privileged.ts";
import { NoArguments, qgaCommand, ROOT_LIMIT_MS } from "./_command.ts";

const STATES = [
  ["ram", "Suspends to memory"],
  ["disk", "Suspends to disk"],
  ["hybrid", "Suspends to memory and disk"],
] as const;

/** The commands; a success is not answered. */
export const suspendCommands = (): readonly Method[] =>
  STATES.map(([to, summary]) =>
    qgaCommand({
      name: `guest-suspend-${to}`,
      summary,
      params: NoArguments,
      access: "power",
      audited: true,
      disabled: ({ guest }) => guest.privileged.unavailable,
      limitMs: ROOT_LIMIT_MS,
      run: async (_, context) => {
        await perform(suspendOperation, { to }, context);
        return undefined;
      },
    })
  );
