import { type CommandAnswer, STATUS } from "../answer.ts";
import type { AgentParts } from "./parts.ts";

/**
 * `agent.GetStatus`: what the host has asked for since the start of the agent, and what that costs.
 *
 * `Requests` counts those that were let in, by method; under "unknown" are those for methods that
 * there are not. `Rejected` were over the rate or the queue, `Malformed` were no requests.
 */
export const getStatus = ({ counters, inFlight, host }: AgentParts) => (): CommandAnswer => ({
  Status: STATUS.ok,
  StatusMessage: "",
  Requests: Object.fromEntries(
    Array.from(counters.methods, ([name, { ok, error }]) => [name, { Ok: ok, Error: error }]),
  ),
  Rejected: counters.rejected,
  Malformed: counters.malformed,
  InFlight: inFlight(),
  BytesReceived: host.receivedBytes,
  BytesSent: host.sentBytes,
  ResidentBytes: Deno.memoryUsage().rss,
});
