/**
 * A host's end of a connection, in memory.
 *
 * @module
 */

import type { Connection } from "../../../lib/channel/channel.ts";

const encoder = new TextEncoder();

type Arrival = Uint8Array | null | Error;

/** A connection whose bytes, ends and failures a test decides. */
export class FakeConnection implements Connection {
  /** How often something was read or waited for. */
  reads = 0;
  isClosed = false;
  /** The most bytes that one write takes. */
  mostBytes = Infinity;
  /** What the next writes fail with. */
  writeError: Error | undefined;
  readonly #arrivals: Arrival[] = [];
  #onArrival = () => {};
  #written: Uint8Array[] = [];
  #onWrite = () => {};
  #gate: Promise<void> = Promise.resolve();
  #openGate = () => {};

  /** @param closeEndsRead Whether closing ends a parked read, as a socket's does. */
  constructor(
    readonly atEndOfFile: "over" | "host away",
    readonly closeEndsRead = atEndOfFile === "over",
  ) {}

  /** Bytes come from the host. */
  arrive(data: string | Uint8Array): void {
    this.#arrivals.push(typeof data === "string" ? encoder.encode(data) : data);
    this.#onArrival();
  }

  /** The end of file is read, so many times. */
  end(times = 1): void {
    for (let i = 0; i < times; i++) this.#arrivals.push(null);
    this.#onArrival();
  }

  /** The next read fails. */
  breakOff(error: Error): void {
    this.#arrivals.push(error);
    this.#onArrival();
  }

  /** Takes back what has not been read. */
  clear(): void {
    this.#arrivals.length = 0;
  }

  /** How many chunks have not been read. */
  get unread(): number {
    return this.#arrivals.length;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    this.reads += 1;
    while (this.#arrivals.length === 0) {
      if (this.isClosed && this.closeEndsRead) throw new Deno.errors.BadResource("closed");
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onArrival = resolve;
      await promise;
    }
    const next = this.#arrivals.shift();
    if (next instanceof Error) throw next;
    if (next === null || next === undefined) return null;
    const part = next.subarray(0, buffer.byteLength);
    if (part.byteLength < next.byteLength) this.#arrivals.unshift(next.subarray(part.byteLength));
    buffer.set(part);
    return part.byteLength;
  }

  /** Writes wait from now on. */
  block(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    this.#openGate = resolve;
  }

  /** Writes go through again. */
  unblock(): void {
    this.#openGate();
  }

  async write(bytes: Uint8Array): Promise<number> {
    await this.#gate;
    if (this.writeError !== undefined) throw this.writeError;
    const part = bytes.slice(0, this.mostBytes);
    this.#written.push(part);
    this.#onWrite();
    return part.byteLength;
  }

  close(): void {
    this.isClosed = true;
    this.#onArrival();
  }

  /** How many writes there were. */
  get writes(): number {
    return this.#written.length;
  }

  /** What the host has received. */
  get text(): string {
    const bytes = new Uint8Array(this.#written.reduce((sum, part) => sum + part.byteLength, 0));
    let offset = 0;
    for (const part of this.#written) {
      bytes.set(part, offset);
      offset += part.byteLength;
    }
    return new TextDecoder().decode(bytes);
  }

  /** The whole lines that the host has received. */
  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }

  /** Resolves once the host has received so many lines. */
  async received(count: number): Promise<string[]> {
    while (this.lines.length < count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onWrite = resolve;
      await promise;
    }
    return this.lines;
  }
}
