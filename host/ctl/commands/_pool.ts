/**
 * The agents of a command that watches VMs: the named one, or all.
 *
 * @module
 */

import { UsageError } from "../../../lib/base/command_line.ts";
import { HostdPool } from "../../hostd_pool.ts";
import type { PoolAgent, PoolEvent } from "../../member.ts";
import { AgentPool } from "../../pool.ts";
import type { Invocation } from "../command.ts";
import { throughDaemon } from "../daemon.ts";
import { targetOf } from "../target.ts";

/** Agents that are watched. */
export interface WatchedAgents extends AsyncDisposable {
  /** Sorted by name. */
  readonly agents: readonly PoolAgent[];
}

/**
 * Watches the agents through the daemon, or without it through their channels.
 *
 * @param instead What does it for a fleet, for a person.
 * @throws {UsageError} for a fleet.
 */
export async function openPool(
  invocation: Invocation,
  instead: string,
  listener: (event: PoolEvent) => void = () => {},
): Promise<WatchedAgents> {
  const { socket, domain, searchPaths, hostd, fleet, lockAs } = invocation;
  if (fleet !== undefined) {
    throw new UsageError(
      `this watches the VMs of one host: run it there, without --fleet, or use ${instead}`,
    );
  }
  const isAll = socket === undefined && domain === undefined;
  if (isAll) {
    const pool = await throughDaemon(
      hostd,
      (daemon) => HostdPool.open(daemon, undefined, listener),
    );
    return pool ?? await AgentPool.open({ searchPaths, lockAs }, listener);
  }
  const channel = await targetOf(invocation);
  return channel.hostd === undefined
    ? await AgentPool.open({ searchPaths: [], channels: [channel], lockAs }, listener)
    : await HostdPool.open(channel.hostd, channel.path, listener);
}
