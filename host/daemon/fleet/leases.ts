/**
 * Which clients of a fleet are still there: NATS tells nobody when one is killed, so a client says
 * from time to time that it is alive, and its calls end some time after it has stopped saying so.
 *
 * @module
 */

/** What ends with its client. */
export interface Leased {
  /** Called once when the client has gone. */
  end(): void;
}

interface Lease {
  readonly held: Set<Leased>;
  /** When it ends, by `performance.now()`; `undefined` until the client says that it is alive. */
  endsAt: number | undefined;
  forMs: number;
}

/** How long clients can promise to be alive. */
const PROMISE_MS = { least: 1000, most: 300_000 } as const;
const CHECK_MS = 500;
/** Clients without a call that are remembered. */
const MAX_IDLE = 10_000;

/** The leases of all clients. A client that never says that it is alive has none. */
export class Leases implements Disposable {
  readonly #leases = new Map<string, Lease>();
  readonly #clock: ReturnType<typeof setInterval>;
  #isPaused = false;

  constructor() {
    this.#clock = setInterval(() => this.#check(), CHECK_MS);
  }

  /** Ends something with its client, until the returned value is disposed of. */
  hold(client: string, leased: Leased): Disposable {
    const lease = this.#leases.get(client) ?? { held: new Set(), endsAt: undefined, forMs: 0 };
    lease.held.add(leased);
    this.#leases.set(client, lease);
    return {
      [Symbol.dispose]: () => {
        lease.held.delete(leased);
        // Its next call belongs to the promise that it has made.
        const isForgotten = lease.endsAt === undefined || this.#leases.size > MAX_IDLE;
        if (lease.held.size === 0 && isForgotten) this.#leases.delete(client);
      },
    };
  }

  /** A client that has called says that it is alive, and will say so again within this time. */
  renew(client: string, milliseconds: number): void {
    const lease = this.#leases.get(client);
    if (lease === undefined) return;
    lease.forMs = Math.min(PROMISE_MS.most, Math.max(PROMISE_MS.least, milliseconds));
    lease.endsAt = performance.now() + lease.forMs;
  }

  /** Nobody can be heard: no lease ends. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Everybody can be heard again, and gets the whole time for it. */
  resume(): void {
    this.#isPaused = false;
    for (const lease of this.#leases.values()) {
      if (lease.endsAt !== undefined) lease.endsAt = performance.now() + lease.forMs;
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#clock);
  }

  #check(): void {
    if (this.#isPaused) return;
    const now = performance.now();
    for (const [client, { endsAt, held }] of this.#leases) {
      if (endsAt === undefined || now < endsAt) continue;
      this.#leases.delete(client);
      for (const leased of held) leased.end();
    }
  }
}
