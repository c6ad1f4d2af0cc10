/**
 * The way to the host for what nobody has asked for: whether it is open, and notifications.
 *
 * @module
 */

import { utf8Bytes } from "../base/json_text.ts";
import { notificationText } from "../dialects/jsonrpc/messages.ts";

/** What a link sends through: the writer of the session that serves the host. */
export interface LinkWriter {
  /** Whether so much waits that nothing more should be sent. */
  readonly isCongested: boolean;
  readonly writtenBytes: number;
  send(text: string): Promise<void>;
}

/** The host cannot be told anything now; the message says why. */
export class HostUnreachableError extends Error {
  override readonly name = "HostUnreachableError";
}

/** The link to whichever host is served. The session keeps it up to date. */
export class HostLink {
  #writer: LinkWriter | undefined;
  #isHostAway = false;
  #receivedBytes = 0;
  #sentBefore = 0;

  /** Whether a host is there to read. */
  get isOpen(): boolean {
    return this.#writer !== undefined && !this.#isHostAway;
  }

  /** Whether the connection stands while nobody is at its other end. */
  get isHostAway(): boolean {
    return this.#isHostAway;
  }

  /** Bytes that have come from hosts so far. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Bytes that have gone to hosts so far. */
  get sentBytes(): number {
    return this.#sentBefore + (this.#writer?.writtenBytes ?? 0);
  }

  /** A host is served from now on. */
  open(writer: LinkWriter): void {
    this.#writer = writer;
    this.#isHostAway = false;
  }

  /** The host is served no more. */
  close(writer: LinkWriter): void {
    if (this.#writer !== writer) return;
    this.#sentBefore += writer.writtenBytes;
    this.#writer = undefined;
  }

  /** The host has closed its side of a connection that goes on. */
  hostLeft(): void {
    this.#isHostAway = true;
  }

  /** A host has opened its side again. */
  hostCame(): void {
    this.#isHostAway = false;
  }

  /** Counts what has come. */
  countReceived(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /**
   * Sends a JSON-RPC notification.
   *
   * @param limitBytes The most that the message may have.
   * @throws {HostUnreachableError} when no host is there or it does not read, and for a message
   * over the limit: nothing is kept for later.
   */
  notify(method: string, params: unknown, limitBytes: number): void {
    const writer = this.#writer;
    if (writer === undefined) throw new HostUnreachableError("no host is connected");
    if (this.#isHostAway) throw new HostUnreachableError("the host has closed the channel");
    if (writer.isCongested) {
      throw new HostUnreachableError("the host does not read what was sent to it");
    }
    const text = notificationText(method, params);
    const bytes = utf8Bytes(text);
    if (bytes > limitBytes) {
      throw new HostUnreachableError(
        `the message has ${bytes} bytes, over max_message_size_kb (${limitBytes} bytes)`,
      );
    }
    void writer.send(text);
  }
}
