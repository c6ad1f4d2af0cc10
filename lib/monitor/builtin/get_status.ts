import { type CommandAnswer, STATUS } from "../answer.ts";
import type { MonitorContext } from "../context.ts";

/**
 * `agent.GetStatus`: the host's requests since the agent started, and the agent's memory.
 *
 * `Requests` counts accepted requests by method; "unknown" counts those for methods that do not
 * exist. `Rejected` counts requests over the rate limit or with the queue full, `Malformed`
 * messages that were not requests.
 */
export const getStatus = ({ counters, inFlight, host }: MonitorContext) => (): CommandAnswer => ({
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
