/**
 * How an agent has operations performed that need root.
 *
 * @module
 */

import { UsageError } from "../../../base/command_line.ts";
import type { GuestOptions } from "../../platform.ts";
import { brokerChild, brokerSocket, type OpenBroker } from "./broker_link.ts";

/**
 * What performs the operations; `undefined` if nothing does.
 *
 * @throws {UsageError} if the agent cannot tell how to start a broker.
 */
export function brokerOf(
  { broker, self, config }: Pick<GuestOptions, "broker" | "self" | "config">,
): OpenBroker | undefined {
  if (broker.kind === "none") return undefined;
  if (broker.kind === "socket") return brokerSocket(broker.path);
  // A compiled agent has permissions of its own, which are not the broker's.
  if (self === undefined) {
    throw new UsageError("--broker child needs an agent that was installed from its package");
  }
  return brokerChild([self, "privileged", ...config === undefined ? [] : [`--config=${config}`]]);
}
