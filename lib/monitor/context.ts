/**
 * What the built-in commands need from the agent.
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
  /** Requests that were refused because of the rate limit or a full queue. */
  readonly rejected: number;
  /** Messages that were not requests. */
  readonly malformed: number;
}

/** An event that a program of the guest sends. */
export interface ProgramEvent {
  readonly event: string;
  /** Any JSON. */
  readonly data: unknown;
}

/** The agent as the built-in commands see it. */
export interface MonitorContext {
  /** Whether Deno itself blocks access outside the configured paths. */
  readonly isConfined: boolean;
  /** The channel's name in the log. */
  readonly channelName: string;
  readonly host: HostState;
  readonly counters: RequestTotals;
  /** The number of the host's requests in flight. */
  readonly inFlight: () => number;
  /**
   * Keeps an event in the journal, and sends the host the notification `event` if one is connected.
   * Resolves to the event's number; `undefined` if the journal does not keep events of programs.
   *
   * @throws {CommandError} if it is too large, or neither kept nor sent.
   */
  readonly sendEvent: (event: ProgramEvent) => Promise<number | undefined>;
  /** Counts an event that was refused because too many came at once. */
  readonly eventRefused: () => void;
  /**
   * Reloads the configuration.
   *
   * @throws {ConfigError} if the file is invalid.
   */
  readonly reload: () => Promise<ReloadReport>;
}
