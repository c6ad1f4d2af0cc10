/**
 * A client of QMP, QEMU's own protocol (docs/interop/qmp-spec in QEMU).
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import * as z from "zod";
import { messageOf } from "../../lib/base/message_of.ts";
import { Patience } from "./patience.ts";

const Greeting = z.looseObject({ QMP: z.looseObject({}) });

const Reply = z.looseObject({
  id: z.number(),
  return: z.optional(z.unknown()),
  error: z.optional(z.looseObject({ class: z.string(), desc: z.string() })),
});

const Event = z.looseObject({
  event: z.string(),
  data: z._default(z.record(z.string(), z.unknown()), {}),
});

/** Something that happened to the machine, such as `RESET` or `DEVICE_DELETED`. */
export type QmpEvent = z.output<typeof Event>;

/** A command was refused, or the machine has ended. */
export class QmpError extends Error {
  override readonly name = "QmpError";
}

const DEADLINE_MS = 30_000;

/** A connection; it sees the events that happen while it is open. */
export class Qmp implements AsyncDisposable {
  readonly #connection: Deno.UnixConn;
  readonly #reading: Promise<void>;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #events: QmpEvent[] = [];
  readonly #greeted = Promise.withResolvers<void>();
  #news = Promise.withResolvers<void>();
  #commands = 0;
  #hasEnded = false;

  private constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
    this.#reading = this.#readAll();
  }

  /**
   * Connects to the machine's QMP socket, which serves one connection at a time.
   *
   * @throws {QmpError} if the machine has ended.
   */
  static async connect(path: string): Promise<Qmp> {
    let connection: Deno.UnixConn;
    try {
      connection = await Deno.connect({ transport: "unix", path });
    } catch (error) {
      throw new QmpError(`${path}: ${messageOf(error)}`);
    }
    const qmp = new Qmp(connection);
    await withDeadline(qmp.#greeted.promise, "QEMU's greeting", DEADLINE_MS);
    await qmp.execute("qmp_capabilities");
    return qmp;
  }

  /**
   * Executes a command.
   *
   * @returns Its `return` member.
   * @throws {QmpError} if it is refused, or the machine ends.
   */
  async execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.#hasEnded) throw new QmpError(`${command}: the machine is gone`);
    const id = ++this.#commands;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    const line = JSON.stringify({ execute: command, arguments: args, id });
    try {
      const bytes = new TextEncoder().encode(`${line}\n`);
      for (let sent = 0; sent < bytes.byteLength;) {
        sent += await this.#connection.write(bytes.subarray(sent));
      }
      return await withDeadline(waiting.promise, `an answer to ${command}`, DEADLINE_MS);
    } catch (error) {
      throw error instanceof QmpError ? error : new QmpError(`${command}: ${messageOf(error)}`);
    } finally {
      this.#waiting.delete(id);
    }
  }

  /**
   * Waits for an event and takes it; events are kept until they are taken.
   *
   * @throws {QmpError} if it does not come, or the machine ends first.
   */
  async take(
    name: string,
    deadlineMs = DEADLINE_MS,
    fits: (event: QmpEvent) => boolean = () => true,
  ): Promise<QmpEvent> {
    for (;;) {
      const index = this.#events.findIndex((event) => event.event === name && fits(event));
      const [event] = index < 0 ? [] : this.#events.splice(index, 1);
      if (event !== undefined) return event;
      if (this.#hasEnded) throw new QmpError(`the machine ended before the event ${name}`);
      await withDeadline(this.#news.promise, `the event ${name}`, deadlineMs);
    }
  }

  /** Closes the connection; the machine continues. */
  async close(): Promise<void> {
    try {
      this.#connection.close();
    } catch {
      // It is closed already.
    }
    await this.#reading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #readAll(): Promise<void> {
    try {
      const lines = this.#connection.readable
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(new TextLineStream());
      for await (const line of lines) this.#receive(JSON.parse(line));
    } catch {
      // We closed the connection, or QEMU has ended: handled below.
    }
    this.#hasEnded = true;
    const gone = new QmpError("the machine is gone");
    for (const waiting of this.#waiting.values()) waiting.reject(gone);
    this.#greeted.resolve();
    this.#news.resolve();
  }

  #receive(message: unknown): void {
    const event = z.safeParse(Event, message);
    if (event.success) {
      this.#events.push(event.data);
      this.#news.resolve();
      this.#news = Promise.withResolvers();
      return;
    }
    if (z.safeParse(Greeting, message).success) return this.#greeted.resolve();
    const { id, error, return: result } = z.parse(Reply, message);
    const waiting = this.#waiting.get(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new QmpError(`${error.class}: ${error.desc}`));
  }
}

async function withDeadline<T>(promise: Promise<T>, what: string, ms: number): Promise<T> {
  const settled = new AbortController();
  const late = new Patience(ms).over(settled.signal).then(() => {
    throw new QmpError(`timed out waiting for ${what}`);
  });
  // Once the promise has settled, nobody waits for this one.
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    settled.abort();
    await late.catch(() => {});
  }
}
