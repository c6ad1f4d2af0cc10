/**
 * A channel on a device that the agent opens itself, and opens again after it was lost.
 *
 * @module
 */

import { Aborted, withTimer } from "../../base/waiting.ts";
import type { Channel, Connection } from "../../channel/channel.ts";
import type { Log } from "../../log/logger.ts";

/** A device, and how to open it. */
export interface Device {
  readonly path: string;
  /** The connection, or the reason why it cannot be opened now. */
  open(): Promise<Connection | string>;
}

/** A channel that opens the device, and again `retryMs` after it was lost or could not be opened. */
export function reopeningChannel({ path, open }: Device, retryMs: number, log: Log): Channel {
  const closing = new AbortController();
  const pause = async () => {
    const closed = new Aborted(closing.signal);
    using _closed = closed;
    await withTimer(retryMs, closed.happened);
  };
  return {
    name: `device:${path}`,
    async *connections() {
      let lastReason: string | undefined;
      while (!closing.signal.aborted) {
        const opened = await open();
        if (typeof opened !== "string") {
          lastReason = undefined;
          yield opened;
        } else if (opened !== lastReason) {
          // Logged once, not every few seconds while the port is missing.
          log.warn("cannot open the device; retrying", {
            device: path,
            reason: opened,
            retry_seconds: retryMs / 1000,
          });
          lastReason = opened;
        }
        await pause();
      }
    },
    close: () => closing.abort(),
  };
}
