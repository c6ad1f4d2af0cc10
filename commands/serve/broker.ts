/**
 * How an agent has operations performed that need root.
 *
 * @module
 */

import {
  brokerChild,
  brokerSocket,
  type OpenBroker,
} from "../../lib/platform/linux/privileged/broker_link.ts";
import type { BrokerNeeds } from "../../lib/platform/linux/grants.ts";
import { UsageError } from "../../lib/base/command_line.ts";
import type { Invocation } from "../usage.ts";

/** What the choice needs of Deno's permissions; `undefined` if it needs nothing. */
export function brokerNeeds({ broker, self }: Invocation): BrokerNeeds | undefined {
  if (broker.kind === "socket") return { socket: broker.path };
  return broker.kind === "child" && self !== undefined ? { program: self } : undefined;
}

/**
 * What performs the operations; `undefined` if nothing does.
 *
 * @throws {UsageError} if the agent cannot tell how to start a broker.
 */
export function brokerOf({ broker, self, config }: Invocation): OpenBroker | undefined {
  if (broker.kind === "none") return undefined;
  if (broker.kind === "socket") return brokerSocket(broker.path);
  // A compiled agent has permissions of its own, which are not the broker's.
  if (self === undefined) {
    throw new UsageError("--broker child needs an agent that was installed from its package");
  }
  return brokerChild([self, "privileged", ...config === undefined ? [] : [`--config=${config}`]]);
}
