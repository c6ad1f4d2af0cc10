/**
 * What the agent's own commands need from the agent.
 *
 * @module
 */

import type { ReloadReport } from "../config/changes.ts";

/** The state of the connection to the host. */
export interface HostState {
  /** Whether a host is connected. */
  readonly isOpen: boolean;
  /** Bytes received from hosts since the start. */
  readonly receivedBytes: number;
  /** Bytes sent to hosts since the start. */
  readonly sentBytes: number;
}

/** Counts of the host's requests since the start. */
export interface RequestTotals {
  /** By method; requests for methods that do not exist are under "unknown". */
  readonly methods: ReadonlyMap<string, { readonly ok: number; readonly error: number }>;
  /** Requests that were over the rate, or found the queue full. */
  readonly rejected: number;
  /** Messages that were not requests. */
  readonly malformed: number;
}

/** The agent as its own commands see it. */
export interface MonitorContext {
  /** Whether Deno itself blocks access outside the configured paths. */
  readonly isConfined: boolean;
  /** The channel's name in the log. */
  readonly channelName: string;
  readonly host: HostState;
  readonly counters: RequestTotals;
  /** How many of the host's requests are running. */
  readonly inFlight: () => number;
  /**
   * Sends the host the notification `event`.
   *
   * @throws {CommandError} when it cannot be sent now.
   */
  readonly notifyHost: (params: Readonly<Record<string, unknown>>) => void;
  /**
   * Reads the configuration again.
   *
   * @throws {ConfigError} when the file cannot be used.
   */
  readonly reload: () => Promise<ReloadReport>;
}
