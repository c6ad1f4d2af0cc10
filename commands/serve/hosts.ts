/**
 * Opens an agent's channel and serves its hosts.
 *
 * @module
 */

import { resolve } from "@std/path/posix";
import type { Channel } from "../../lib/channel/channel.ts";
import { serveConnection, type ServeOptions } from "../../lib/channel/serve_connection.ts";
import type { Config } from "../../lib/config/schema.ts";
import type { Log } from "../../lib/log/logger.ts";
import { deviceChannel } from "../../lib/platform/linux/channel/device.ts";
import { listenChannel } from "../../lib/platform/linux/channel/listen.ts";
import { stdioChannel } from "../../lib/platform/linux/channel/stdio.ts";
import type { ChannelChoice } from "../usage.ts";

/**
 * Opens the channel that the command line names.
 *
 * @throws {ListenError | ChannelError} if it cannot be opened.
 */
export async function openChannel(
  choice: ChannelChoice,
  config: Config,
  log: Log,
): Promise<Channel> {
  if (choice.kind === "stdio") return stdioChannel();
  if (choice.kind === "listen") return await listenChannel(resolve(choice.path));
  return deviceChannel(resolve(choice.path), config.connection_retry_seconds * 1000, log);
}

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
