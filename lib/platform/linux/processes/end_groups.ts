/**
 * Ends a child that is over its time or was cancelled.
 *
 * @module
 */

import { withTimer } from "../../../base/waiting.ts";
import { signalGroup } from "./process_group.ts";

/**
 * How long the group has between SIGTERM and SIGKILL, and how long the kernel may take after that.
 */
const TERMINATION_GRACE_MS = 2000;

/** A child and everything that it has started. */
export interface ProcessTree {
  /** Sends a signal to all of it; returns whether there was a process. */
  signal(signal: Deno.Signal): Promise<boolean>;
}

/**
 * Sends SIGTERM to the group and then, when the child has exited and closed its output or the grace
 * period is over, SIGKILL to whatever is left.
 *
 * @param outputs Resolve when the output is closed.
 * @param others Further process groups that end with the child's, by their number.
 * @param tree Everything that the child has started, if it is known.
 * @returns The child's status, or `undefined` if even SIGKILL does not end it in time.
 */
export async function endGroups(
  child: Deno.ChildProcess,
  outputs: readonly Promise<void>[],
  others: () => readonly number[] = () => [],
  tree?: ProcessTree,
): Promise<Deno.CommandStatus | undefined> {
  // A stopped process receives SIGTERM only after SIGCONT has woken it.
  const signalAll = async (...signals: readonly Deno.Signal[]) => {
    let isReached = false;
    for (const signal of signals) isReached = await tree?.signal(signal) ?? false;
    if (isReached) return;
    for (const pid of [...others(), child.pid]) await signalGroup({ pid }, ...signals);
  };
  await signalAll("SIGTERM", "SIGCONT");
  await withTimer(
    TERMINATION_GRACE_MS,
    Promise.all([child.status, ...outputs]),
  );
  await signalAll("SIGKILL");
  let status: Deno.CommandStatus | undefined;
  await withTimer(TERMINATION_GRACE_MS, child.status.then((ended) => status = ended));
  return status;
}
