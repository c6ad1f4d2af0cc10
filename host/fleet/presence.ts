/**
 * Tells hosts that this client is alive as long as it has calls there: those of one that is killed
 * are ended.
 *
 * @module
 */

import type * as z from "zod";
import type { SignOfLife } from "./messages.ts";

/** How long a client may be silent, for instance while it reconnects. */
export const SILENT_MS = 30_000;
const SIGNS_PER_PROMISE = 3;

/** Sends a sign of life to a host. */
export type SendSign = (host: string, sign: z.output<typeof SignOfLife>) => void;

interface Called {
  calls: number;
  toldAt: number;
}

/** The hosts that this client calls. */
export class Presence {
  /** The client's name, which only the hosts that it calls know. */
  readonly id: string = crypto.randomUUID();
  readonly #send: SendSign;
  readonly #silentMs: number;
  readonly #hosts = new Map<string, Called>();
  #clock: ReturnType<typeof setInterval> | undefined;

  /** @param silentMs What it promises. */
  constructor(send: SendSign, silentMs: number = SILENT_MS) {
    this.#send = send;
    this.#silentMs = silentMs;
  }

  /** A call to a host has been sent, and has ended when the returned value is disposed of. */
  calling(host: string): Disposable {
    const called = this.#hosts.get(host) ?? { calls: 0, toldAt: Number.NEGATIVE_INFINITY };
    called.calls += 1;
    this.#hosts.set(host, called);
    this.#clock ??= setInterval(() => this.#tellAll(), this.#intervalMs);
    if (performance.now() - called.toldAt >= this.#intervalMs) this.#tell(host, called);
    return { [Symbol.dispose]: () => this.#ended(called) };
  }

  get #intervalMs(): number {
    return this.#silentMs / SIGNS_PER_PROMISE;
  }

  #ended(called: Called): void {
    called.calls -= 1;
    if ([...this.#hosts.values()].some(({ calls }) => calls > 0)) return;
    clearInterval(this.#clock);
    this.#clock = undefined;
  }

  #tellAll(): void {
    for (const [host, called] of this.#hosts) if (called.calls > 0) this.#tell(host, called);
  }

  #tell(host: string, called: Called): void {
    called.toldAt = performance.now();
    this.#send(host, { alive: this.id, for_ms: this.#silentMs });
  }
}
