/**
 * Receives one request from a client.
 *
 * @module
 */

import { countGarbage } from "../base/memory/garbage.ts";
import { MAX_VALUES } from "../base/memory/json_values.ts";
import { messageOf } from "../base/message_of.ts";
import { type CommandRequest, readCommand } from "./command_request.ts";
import type { CommandConnection } from "./listener.ts";
import { MAX_REQUEST_BYTES, type RequestMemory, type RequestShare } from "./request_memory.ts";
import { RequestScanner } from "./request_scanner.ts";

/** Most requests fit into it and never wait for others. */
const FIRST_BUFFER_BYTES = 1024;
/** Bytes of garbage per byte of a request, at its end: text, parsed strings, an answer … */
const GARBAGE_PER_BYTE = 4;
/** … and what it holds until then, which takes the room that garbage has otherwise. */
const HELD_PER_BYTE = 4;
/** Bytes of garbage per parsed member or element, which may even get its own hidden class. */
const GARBAGE_PER_VALUE = 200;

/** A client's request. */
export type Received =
  | { readonly kind: "request"; readonly request: CommandRequest }
  | { readonly kind: "bad"; readonly reason: string }
  /** The request was not complete in time. */
  | { readonly kind: "late" }
  /** The client closed the connection, or its half of it, before the request was complete. */
  | { readonly kind: "cut"; readonly isEmpty: boolean };

/** The receiving of one request. */
export class Reception {
  /** Resolves at the end of the request, or when the connection is closed. */
  readonly ended: Promise<Received>;
  readonly #connection: CommandConnection;
  readonly #finished = new AbortController();
  readonly #memory: RequestMemory;
  #share: RequestShare | undefined;
  #garbageBytes = 0;

  constructor(connection: CommandConnection, memory: RequestMemory) {
    this.#connection = connection;
    this.#memory = memory;
    this.ended = this.#receive();
  }

  /**
   * Stops waiting for memory, waits until the read has ended, which closing the connection causes,
   * and returns the request's memory.
   */
  async finish(): Promise<void> {
    this.#finished.abort();
    await this.ended;
    this.#share?.giveBack();
    countGarbage(this.#garbageBytes);
    this.#garbageBytes = 0;
  }

  async #receive(): Promise<Received> {
    const request = new PartialRequest();
    const { signal } = this.#finished;
    let buffer: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BUFFER_BYTES);
    let filled = 0;
    for (;;) {
      const received = await this.#fill(buffer, filled, request);
      if (received !== undefined) return received;
      try {
        if (this.#share === undefined) {
          this.#share = await this.#memory.take(signal);
          // Most requests are decoded as a whole, without a copy of text that is joined.
          this.#share.buffer.set(buffer);
          filled = buffer.byteLength;
        } else {
          if (!request.add(buffer)) return NOT_UTF8;
          if (request.bytes >= MAX_REQUEST_BYTES) {
            return { kind: "bad", reason: `the request has more than ${MAX_REQUEST_BYTES} bytes` };
          }
          await this.#share.grow(signal);
          filled = 0;
        }
      } catch {
        return { kind: "late" };
      }
      const left = MAX_REQUEST_BYTES - request.bytes;
      buffer = this.#share.buffer.subarray(0, Math.min(this.#share.buffer.byteLength, left));
    }
  }

  /** Reads until the request is complete; `undefined` once the buffer is full. */
  async #fill(
    buffer: Uint8Array<ArrayBuffer>,
    start: number,
    request: PartialRequest,
  ): Promise<Received | undefined> {
    for (let filled = start; filled < buffer.byteLength;) {
      const read = await readOrEnd(this.#connection, buffer.subarray(filled));
      if (read === null) return { kind: "cut", isEmpty: request.bytes + filled === 0 };
      await this.#memory.turns.take(read);
      const { scanner } = request;
      const scanned = scanner.scan(buffer, filled, filled + read);
      this.#garbageBytes = (request.bytes + filled + read) * GARBAGE_PER_BYTE +
        scanner.values * GARBAGE_PER_VALUE;
      filled += read;
      if (scanned === "no object") return { kind: "bad", reason: 'a request begins with "{"' };
      if (scanned === "too many values") {
        return { kind: "bad", reason: `the request has more than ${MAX_VALUES} values` };
      }
      if (scanned !== "unfinished") return request.complete(buffer.subarray(0, scanned.end));
    }
    return undefined;
  }
}

const NOT_UTF8: Received = { kind: "bad", reason: "not UTF-8" };

/** The part of a request that has arrived, as text. */
class PartialRequest {
  readonly scanner = new RequestScanner();
  /** The number of bytes given to {@link add}. */
  bytes = 0;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #text = "";

  /** Adds bytes; returns whether they are UTF-8. */
  add(bytes: Uint8Array): boolean {
    try {
      this.#text += this.#decoder.decode(bytes, { stream: true });
    } catch {
      return false;
    }
    this.bytes += bytes.byteLength;
    return true;
  }

  /** Returns the request, including its last bytes. */
  complete(bytes: Uint8Array): Received {
    let text: string;
    try {
      text = this.#text + this.#decoder.decode(bytes);
    } catch {
      return NOT_UTF8;
    }
    countGarbage(text.length * HELD_PER_BYTE);
    try {
      return { kind: "request", request: readCommand(text) };
    } catch (error) {
      return { kind: "bad", reason: messageOf(error) };
    }
  }
}

/** Reads; `null` at the end, and when the connection was closed here or reset by the client. */
export async function readOrEnd(
  connection: CommandConnection,
  buffer: Uint8Array,
): Promise<number | null> {
  try {
    return await connection.read(buffer);
  } catch {
    return null;
  }
}
