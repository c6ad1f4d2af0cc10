/**
 * Commands that ask about the guest and change nothing.
 *
 * @module
 */

import type { AgentServices, Context, Method } from "../../lib/core/method.ts";
import type { Inventory } from "../../lib/guest/inventory.ts";
import { needed } from "../_ability.ts";
import { NoArguments, qgaCommand } from "./_command.ts";

/** A command without arguments that changes nothing and tells nothing secret. */
export const FACT = { params: NoArguments, access: "see", audited: false } as const;

/** A fact that every platform has. */
export const fact = (name: string, summary: string, run: (context: Context) => unknown): Method =>
  qgaCommand({ ...FACT, name, summary, run: (_, context) => run(context) });

/** What turns a command off where the inventory lacks something. */
export const unless =
  (fact: (inventory: Partial<Inventory>) => unknown) => ({ guest }: AgentServices) =>
    fact(guest.inventory ?? {}) === undefined ? `not supported on ${guest.platform}` : undefined;

/** A fact that a platform may have. */
type Fact<Value> = ((signal: AbortSignal) => Promise<Value>) | undefined;

/**
 * A fact of the inventory, which not every platform has: off there, so that clients skip it.
 *
 * @param fact What of the inventory it tells.
 * @param answer Words it for the client.
 */
export const inventoryFact = <Value>(
  name: string,
  summary: string,
  fact: (inventory: Partial<Inventory>) => Fact<Value>,
  answer: (value: Value, context: Context) => unknown,
): Method =>
  qgaCommand({
    ...FACT,
    name,
    summary,
    disabled: unless(fact),
    run: async (_, context) => {
      const { guest: { inventory = {} }, signal } = context;
      const read = needed(fact(inventory), "tell this");
      return answer(await read.call(inventory, signal), context);
    },
  });
