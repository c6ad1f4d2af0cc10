/**
 * What the agent's own commands ask of the agent.
 *
 * @module
 */

import type { HostLink } from "../../channel/host_link.ts";
import type { ReloadReport } from "../../config/changes.ts";
import type { Config } from "../../config/schema.ts";
import type { RequestCounters } from "../../core/request_counters.ts";

/** The agent as its own commands see it. */
export interface AgentParts {
  /** The configuration in effect. */
  readonly config: () => Config;
  /** Whether Deno itself stops what is outside of it. */
  readonly isConfined: boolean;
  /** What the log calls the channel to the host. */
  readonly channelName: string;
  readonly host: HostLink;
  /** The host's requests so far. */
  readonly counters: RequestCounters;
  /** How many of them are under way. */
  readonly inFlight: () => number;
  /** @throws {ConfigError} when the file cannot be used. */
  readonly reload: () => Promise<ReloadReport>;
}
