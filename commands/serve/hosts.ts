/**
 * Serves the hosts of an agent's channel.
 *
 * @module
 */

import type { Channel } from "../../lib/channel/channel.ts";
import { serveConnection, type ServeOptions } from "../../lib/channel/serve_connection.ts";

/** Serves one connection after another; returns the promises of replies not sent yet. */
export async function serveHosts(
  channel: Channel,
  options: ServeOptions,
): Promise<ReadonlySet<Promise<void>>> {
  const draining = new Set<Promise<void>>();
  const { log } = options;
  for await (const connection of channel.connections()) {
    log.info("host connected", { channel: channel.name });
    const { drained } = await serveConnection(connection, options);
    draining.add(drained);
    void drained.finally(() => draining.delete(drained));
    if (options.signal.aborted) break;
    log.info("host disconnected", { channel: channel.name });
  }
  return draining;
}
