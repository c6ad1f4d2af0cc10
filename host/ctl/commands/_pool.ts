/**
 * The pool of a command that watches VMs: the named one, or all.
 *
 * @module
 */

import type { PoolEvent } from "../../member.ts";
import { AgentPool } from "../../pool.ts";
import type { Invocation } from "../command.ts";
import { targetOf } from "../target.ts";

/** Opens the pool. */
export async function openPool(
  invocation: Invocation,
  listener: (event: PoolEvent) => void,
): Promise<AgentPool> {
  const { socket, domain, searchPaths, lockAs } = invocation;
  const isAll = socket === undefined && domain === undefined;
  return await AgentPool.open(
    isAll
      ? { searchPaths, lockAs }
      : { searchPaths: [], channels: [await targetOf(invocation)], lockAs },
    listener,
  );
}
