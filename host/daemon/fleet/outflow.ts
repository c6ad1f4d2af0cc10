/**
 * Answers on their way to the fleet's server, which takes them slowly while it waits for a client that
 * does not read: nothing more is begun until it has caught up.
 *
 * @module
 */

import type { NatsConnection } from "@nats-io/transport-node";
import { atMost } from "../../sleep.ts";

/** What is on its way before the server is asked how far it has got, and before nothing is begun. */
const UNSENT_BYTES = { asked: 1024 * 1024, most: 4 * 1024 * 1024 } as const;
/** A server that does not answer for this long has lost what was on its way. */
const FLUSH_MS = 30_000;

/** Counts what has been sent and not received. */
export class Outflow {
  readonly #connection: Pick<NatsConnection, "flush">;
  #bytes = 0;
  #flushing: Promise<void> | undefined;

  constructor(connection: Pick<NatsConnection, "flush">) {
    this.#connection = connection;
  }

  /** An answer has been handed to the connection. */
  sent(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > UNSENT_BYTES.asked) this.#flushing ??= this.#flush();
  }

  /** Resolves once the server has caught up; `undefined` if it has. */
  get congestion(): Promise<void> | undefined {
    return this.#bytes > UNSENT_BYTES.most ? this.#flushing : undefined;
  }

  async #flush(): Promise<void> {
    const bytes = this.#bytes;
    await atMost(FLUSH_MS, this.#connection.flush());
    this.#bytes -= bytes;
    this.#flushing = this.#bytes > UNSENT_BYTES.asked ? this.#flush() : undefined;
  }
}
