/**
 * Logs uncaught errors.
 *
 * @module
 */

import { stackOf } from "../../lib/base/message_of.ts";
import type { Log } from "../../lib/log/logger.ts";

/** Logs uncaught errors. The agent keeps running for the sake of its other requests. */
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
