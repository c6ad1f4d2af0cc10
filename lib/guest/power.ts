/**
 * Shutting down and rebooting the guest.
 *
 * @module
 */

import { commandFailed, permissionDenied } from "../base/errors.ts";

/** What a host may ask for. `halt` stops the guest and leaves the machine powered on. */
export type PowerAction = "shutdown" | "reboot" | "halt";

/** A shutdown, reboot or halt. */
export interface PowerRequest {
  readonly action: PowerAction;
  /** Seconds after which a guest that is still running is forced off. */
  readonly timeoutSeconds: number;
  /** Whether to force it off at once. */
  readonly force: boolean;
}

/** A way to carry out a {@link PowerRequest}. */
export interface PowerProvider {
  /** Why this agent can never do it, or `undefined` if it can. */
  readonly unavailable: string | undefined;
  /** Why it cannot be done now, or `undefined` if it can. */
  check(action: PowerAction, signal: AbortSignal): Promise<string | undefined>;
  /** Starts it and returns. */
  request(request: PowerRequest): Promise<void>;
}

/** The provider for an agent that must never shut down its machine. */
export const NO_POWER: PowerProvider = {
  unavailable: "power control is off: the agent was started with --power none",
  check: () => Promise.resolve(NO_POWER.unavailable),
  request: () => Promise.reject(new Error("there is no power provider")),
};

/** The guest's power: one request at a time, through a provider. */
export class Power {
  readonly #provider: PowerProvider;
  #underWay: PowerAction | undefined;

  constructor(provider: PowerProvider) {
    this.#provider = provider;
  }

  /** Whether this agent can control power. */
  get isAvailable(): boolean {
    return this.#provider.unavailable === undefined;
  }

  /**
   * Accepts a request, to be carried out or dropped later; until then it accepts no other.
   *
   * @throws {RpcError} -32001 if this agent cannot do it, -32000 while another request is in
   * progress.
   */
  async accept(request: PowerRequest, signal: AbortSignal): Promise<AcceptedPower> {
    const unavailable = this.#provider.unavailable ??
      await this.#provider.check(request.action, signal);
    if (unavailable !== undefined) throw permissionDenied(unavailable);
    if (this.#underWay !== undefined) {
      throw commandFailed(`a ${this.#underWay} is already in progress`);
    }
    this.#underWay = request.action;
    const drop = () => void (this.#underWay = undefined);
    return {
      run: async () => {
        try {
          await this.#provider.request(request);
        } catch (error) {
          drop();
          throw error;
        }
      },
      drop,
    };
  }
}

/** An accepted request: exactly one of the two methods is called. */
export interface AcceptedPower {
  /** Carries it out; rejects if that fails. */
  run(): Promise<void>;
  /** Drops the request, so that others can be accepted again. */
  drop(): void;
}
