/**
 * Which calls may run: the caller's rate, the method, its group, and whether file systems are frozen.
 *
 * @module
 */

import { commandFailed, methodNotFound, type RpcError, tooManyRequests } from "../base/errors.ts";
import { suggestion } from "../base/schema_issues.ts";
import { requireGroup } from "../policy/groups.ts";
import type { Call } from "./call.ts";
import type { Caller } from "./caller.ts";
import type { AgentServices, Method } from "./method.ts";

const MAX_SHOWN_NAME = 100;

/** Admits calls. */
export class Admission {
  /** The methods by their names. */
  readonly methods: ReadonlyMap<string, Method>;
  readonly #services: () => AgentServices;

  /**
   * @param services The services in effect, with the configuration.
   * @throws {Error} if two methods share a name.
   */
  constructor(methods: readonly Method[], services: () => AgentServices) {
    this.methods = new Map(methods.map((method) => [method.name, method]));
    if (this.methods.size !== methods.length) throw new Error("two methods share a name");
    this.#services = services;
  }

  /**
   * Charges one request to the caller's rate; returns the refusal, -32004, if the rate is exceeded.
   */
  rateRefusal(caller: Caller, now: number = performance.now()): RpcError | undefined {
    const { max_requests_per_second } = this.#services().config;
    const waitMs = caller.rate(max_requests_per_second).take(now);
    if (waitMs === 0) return undefined;
    return tooManyRequests(`more than ${max_requests_per_second} requests per second`, {
      retry_after_ms: waitMs,
    });
  }

  /**
   * The method of a call that may run.
   *
   * @throws {RpcError} -32004, -32601, -32001 or -32000 with the reason why it may not.
   */
  admit(call: Call<unknown>): Method {
    const refusal = this.rateRefusal(call.caller, call.arrivedAt);
    if (refusal !== undefined) throw refusal;
    const method = this.methods.get(call.method);
    if (method === undefined) throw this.#notFound(call.method.slice(0, MAX_SHOWN_NAME));
    const { config: { security }, configFile } = this.#services();
    requireGroup(method.name, method.access, security.allow, configFile);
    if (!method.whileFrozen) this.#checkFrozen(method);
    return method;
  }

  #notFound(name: string): RpcError {
    const known = suggestion(name, [...this.methods.keys()]);
    return methodNotFound(`no method ${JSON.stringify(name)}${known}`, { method: name });
  }

  #checkFrozen({ name }: Method): void {
    if (!this.#services().guest.privileged.isFrozen) return;
    throw commandFailed(
      `file systems are frozen, and ${name} could wait for a disk; call fs_thaw first`,
      { frozen: true },
    );
  }
}
