/**
 * Turning the guest off and on again.
 *
 * @module
 */

import { commandFailed, permissionDenied } from "../base/errors.ts";

/** What can be asked of the guest's power. */
export type PowerAction = "shutdown" | "reboot";

/** How it is asked. */
export interface PowerRequest {
  readonly action: PowerAction;
  /** Seconds after which a guest that is still up is forced. */
  readonly timeoutSeconds: number;
  /** Whether to force at once. */
  readonly force: boolean;
}

/** A way to carry out a {@link PowerRequest}. */
export interface PowerProvider {
  /** Why nothing can ever be done here, or `undefined` where it can. */
  readonly unavailable: string | undefined;
  /** Why this cannot be done now, or `undefined` where it can. */
  check(action: PowerAction, signal: AbortSignal): Promise<string | undefined>;
  /** Sets it going and returns. */
  request(request: PowerRequest): Promise<void>;
}

/** The provider of an agent that must never touch its machine's power. */
export const NO_POWER: PowerProvider = {
  unavailable: "this agent has no way to control the guest's power",
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

  /** Whether anything can be done at all. */
  get isAvailable(): boolean {
    return this.#provider.unavailable === undefined;
  }

  /**
   * Accepts a request, to be carried out by the function that is returned.
   *
   * @throws {RpcError} -32001 where there is no way to do it, -32000 while another is under way.
   */
  async accept(request: PowerRequest, signal: AbortSignal): Promise<() => Promise<void>> {
    const unavailable = this.#provider.unavailable ??
      await this.#provider.check(request.action, signal);
    if (unavailable !== undefined) throw permissionDenied(unavailable);
    if (this.#underWay !== undefined) {
      throw commandFailed(`a ${this.#underWay} is under way already`);
    }
    this.#underWay = request.action;
    return async () => {
      try {
        await this.#provider.request(request);
      } catch (error) {
        this.#underWay = undefined;
        throw error;
      }
    };
  }
}
