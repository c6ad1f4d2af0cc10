/**
 * Calls to the agents on behalf of clients: a bounded number at a time for each VM, in turns between
 * the clients.
 *
 * @module
 */

import { tooManyRequests } from "../../lib/base/errors.ts";
import { AnswerError } from "../errors.ts";
import { sleep } from "../sleep.ts";
import { HostError, toHostError } from "./errors.ts";
import { FairQueue } from "./fair_queue.ts";
import type { HostVm } from "./vm.ts";

/** A call to an agent. */
export interface VmCall {
  readonly vm: HostVm;
  readonly method: string;
  readonly params: unknown;
  /** Aborted when the client cancels the call, or has gone. */
  readonly signal: AbortSignal;
  /** Called when the request begins to be written to the channel. */
  readonly onSent: () => void;
  /** Resolves once the client reads its answers; `undefined` if it does. */
  readonly congestion?: () => Promise<void> | undefined;
}

/** Calls to one agent at a time: those that work, and those that wait for data. */
const SLOTS = { working: 16, waiting: 30 } as const;
/** Calls that were accepted and not answered, of all clients; and those that every client may have. */
const MAX_CALLS = { all: 2000, always: 16, client: 1000 } as const;
/** How long a call that an agent puts off is tried again: its rate is shared by all clients. */
const MAX_PUT_OFF_MS = 10_000;
const RETRY_MS = 100;

interface Slots<Client> {
  readonly working: FairQueue<Client>;
  readonly waiting: FairQueue<Client>;
}

/** Makes calls for clients. */
export class VmCalls<Client extends object> {
  readonly #slots = new WeakMap<HostVm["agent"], Slots<Client>>();
  readonly #counts = new WeakMap<Client, number>();
  #count = 0;

  /** Calls that were accepted and not answered. */
  get inFlight(): number {
    return this.#count;
  }

  /**
   * Makes a call; resolves to the JSON of its result.
   *
   * @throws {AnswerError} The agent's error, unchanged.
   * @throws {RpcError} -32004 if too many calls are in flight.
   * @throws {HostError} if the agent cannot be reached, or did not answer.
   * @throws The signal's reason.
   */
  async run(client: Client, call: VmCall): Promise<string> {
    const count = this.#counts.get(client) ?? 0;
    if (count >= MAX_CALLS.client || count >= MAX_CALLS.always && this.#count >= MAX_CALLS.all) {
      throw tooManyRequests(
        count >= MAX_CALLS.client
          ? `${count} calls of this client are in flight`
          : `${this.#count} calls are in flight on this host`,
        { retry_after_ms: RETRY_MS },
      );
    }
    this.#counts.set(client, count + 1);
    this.#count += 1;
    try {
      return await this.#inTurn(client, call);
    } catch (error) {
      throw toHostError(error) ?? error;
    } finally {
      this.#counts.set(client, (this.#counts.get(client) ?? 1) - 1);
      this.#count -= 1;
    }
  }

  async #inTurn(client: Client, call: VmCall): Promise<string> {
    const { vm: { agent, name } } = call;
    const { waiting, working } = this.#slotsOf(agent);
    const slots = isWaiting(call.params) ? waiting : working;
    await takeSlot(slots, client, call);
    try {
      if (agent.state === "unavailable") {
        const reason = `the agent of ${name} is not available: ${agent.problem}`;
        throw new HostError("noAgent", { reason, was_sent: false, cause: "connection lost" });
      }
      return await untilAdmitted(call);
    } finally {
      slots.give();
    }
  }

  #slotsOf(agent: HostVm["agent"]): Slots<Client> {
    const known = this.#slots.get(agent);
    if (known !== undefined) return known;
    const { working, waiting } = SLOTS;
    const slots = {
      working: new FairQueue<Client>(working),
      waiting: new FairQueue<Client>(waiting),
    };
    this.#slots.set(agent, slots);
    return slots;
  }
}

/** Takes a slot; a client that does not read its answers leaves its turns to others meanwhile. */
async function takeSlot<Client>(
  slots: FairQueue<Client>,
  client: Client,
  { signal, congestion }: VmCall,
): Promise<void> {
  for (;;) {
    await slots.take(client, signal);
    const isReading = congestion?.();
    if (isReading === undefined) return;
    slots.give();
    await isReading;
  }
}

/** Calls an agent; a call that it refused unexecuted, being over its rate, is made again. */
async function untilAdmitted({ vm: { agent }, method, params, signal, onSent }: VmCall) {
  const options = { timeoutMs: 0, signal, cancelInGuest: true, onSent };
  const giveUpAt = performance.now() + MAX_PUT_OFF_MS;
  for (;;) {
    try {
      return await agent.callForText(method, params, options);
    } catch (error) {
      if (!(error instanceof AnswerError) || !saysWhen(error)) throw error;
      const waitMs = error.retryAfterMs ?? RETRY_MS;
      if (performance.now() + waitMs > giveUpAt) throw error;
      await sleep(waitMs, signal);
    }
  }
}

/** Other limits, such as that of running jobs, have no time. */
const saysWhen = ({ data, retryAfterMs }: AnswerError) =>
  retryAfterMs !== undefined && typeof data === "object" && data !== null &&
  "retry_after_ms" in data;

/** Whether a call waits for data in the guest, where it takes none of its slots. */
const isWaiting = (params: unknown): boolean =>
  typeof params === "object" && params !== null && "wait_seconds" in params &&
  typeof params.wait_seconds === "number" && params.wait_seconds > 0;
