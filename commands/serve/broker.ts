/**
 * What an agent needs of Deno's permissions to reach the broker for operations that need root.
 *
 * @module
 */

import type { BrokerNeeds } from "../../lib/platform/permissions.ts";
import type { Invocation } from "../usage.ts";

/** What the choice needs; `undefined` if it needs nothing. */
export function brokerNeeds({ broker, self }: Invocation): BrokerNeeds | undefined {
  if (broker.kind === "socket") return { socket: broker.path };
  return broker.kind === "child" && self !== undefined ? { program: self } : undefined;
}
