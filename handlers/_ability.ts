/**
 * Abilities that not every guest has.
 *
 * @module
 */

import { commandFailed } from "../lib/base/errors.ts";

/**
 * The ability, if the guest has it.
 *
 * @param what Completes "this guest cannot", such as "list processes".
 * @throws {RpcError} -32000
 */
export function needed<Ability>(ability: Ability | undefined, what: string): Ability {
  if (ability !== undefined) return ability;
  throw commandFailed(`this guest cannot ${what}`);
}
