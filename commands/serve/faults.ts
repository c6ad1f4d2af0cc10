/**
 * Faults that nothing has caught.
 *
 * @module
 */

import { stackOf } from "../../lib/base/message_of.ts";
import type { Log } from "../../lib/log/logger.ts";

/** Logs uncaught faults; the agent goes on, since other requests depend on it. */
export function logFaults(log: Log): void {
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error("unhandled rejection", { error: stackOf(event.reason) });
  });
  addEventListener("error", (event) => {
    event.preventDefault();
    log.error("uncaught error", { error: stackOf(event.error) });
  });
}
