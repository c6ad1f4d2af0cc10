/**
 * A socket in front of an agent's whose connections a test can break.
 *
 * @module
 */

import { closeQuietly } from "../../lib/base/close_quietly.ts";

/** Passes bytes between hosts and an agent until it breaks their connections. */
export class BreakableSocket implements AsyncDisposable {
  readonly #listener: Deno.UnixListener;
  readonly #ends = new Set<Deno.UnixConn>();
  readonly #work = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  /** How many hosts have connected. */
  connected = 0;

  constructor(readonly path: string, agent: string) {
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#accepting = this.#accept(agent);
  }

  async #accept(agent: string): Promise<void> {
    try {
      for await (const host of this.#listener) {
        const behind = await Deno.connect({ transport: "unix", path: agent }).catch(() =>
          undefined
        );
        if (behind === undefined) {
          closeQuietly(host);
          continue;
        }
        this.connected += 1;
        for (const end of [host, behind]) this.#ends.add(end);
        for (const [from, to] of [[host, behind], [behind, host]] as const) {
          const work = this.#pass(from, to).finally(() => this.#work.delete(work));
          this.#work.add(work);
        }
      }
    } catch {
      // The listener was closed.
    }
  }

  async #pass(from: Deno.UnixConn, to: Deno.UnixConn): Promise<void> {
    try {
      await from.readable.pipeTo(to.writable);
    } catch {
      // One of the ends has gone.
    } finally {
      for (const end of [from, to]) {
        closeQuietly(end);
        this.#ends.delete(end);
      }
    }
  }

  /** Breaks every connection; the next host is served as before. */
  break(): void {
    for (const end of this.#ends) closeQuietly(end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeQuietly(this.#listener);
    await this.#accepting;
    this.break();
    await Promise.all(this.#work);
  }
}
