/**
 * Operations that need root: the interface that every platform implements.
 *
 * @module
 */

import { commandFailed } from "../base/errors.ts";
import type { StartedCommand, StartOptions } from "./commands.ts";

/** The limits of an operation in the background, and who gets its output. */
export type BackgroundLimits = Pick<StartOptions, "timeoutMs" | "signal" | "onOutput">;

/** Has operations performed that the agent's own user may not. */
export interface Privileged {
  /** Why this agent can never do it, or `undefined` if it can. */
  readonly unavailable: string | undefined;
  /**
   * Whether file systems are frozen, or are being frozen or thawed: until that is over, nothing may
   * wait for a disk.
   */
  readonly isFrozen: boolean;
  /** Calls a function before file systems are frozen, with `true`, and after, with `false`. */
  onFreeze(listener: (isFrozen: boolean) => void): void;
  /**
   * Performs an operation.
   *
   * @param operation Its name; the parameters and the result are as its definition says.
   * @throws {RpcError} as the operation does, and -32000 if whatever performs it cannot be reached.
   */
  perform(operation: string, params: unknown, signal: AbortSignal): Promise<unknown>;
  /**
   * Has an operation performed that runs in the background; resolves when its program runs.
   *
   * If `signal` is aborted, the operation goes on and its end is not known; after `timeoutMs` it is
   * stopped.
   *
   * @throws {RpcError} as {@link perform} does.
   */
  start(operation: string, params: unknown, limits: BackgroundLimits): Promise<StartedCommand>;
}

/** For an agent without any way to root. */
export const NO_PRIVILEGED: Privileged = {
  unavailable: "operations that need root are off: the agent was started with --broker none",
  isFrozen: false,
  onFreeze: () => {},
  perform: () => Promise.reject(commandFailed(NO_PRIVILEGED.unavailable ?? "")),
  start: () => Promise.reject(commandFailed(NO_PRIVILEGED.unavailable ?? "")),
};
