/**
 * The link to the current host: whether it is connected, and how to send it events.
 *
 * @module
 */

import { type Conversation, type HostEvent, HostUnreachableError } from "./dialect.ts";

/** What the link needs from the host's writer. */
export interface LinkWriter {
  /** Whether the queue is full and nothing more should be sent. */
  readonly isCongested: boolean;
  readonly writtenBytes: number;
}

/** The conversation with a host, and the writer that it goes through. */
interface Open {
  readonly conversation: Conversation;
  readonly writer: LinkWriter;
}

/** The link to the current host, kept up to date by the loop that serves the connection. */
export class HostLink {
  #open: Open | undefined;
  #isHostAway = false;
  #receivedBytes = 0;
  #sentBefore = 0;

  /** Whether a host is connected. */
  get isOpen(): boolean {
    return this.#open !== undefined && !this.#isHostAway;
  }

  /** Bytes received from hosts so far. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Bytes sent to hosts so far. */
  get sentBytes(): number {
    return this.#sentBefore + (this.#open?.writer.writtenBytes ?? 0);
  }

  /** A host has connected. */
  open(conversation: Conversation, writer: LinkWriter): void {
    this.#open = { conversation, writer };
    this.#isHostAway = false;
  }

  /** The connection has ended. */
  close(writer: LinkWriter): void {
    if (this.#open?.writer !== writer) return;
    this.#sentBefore += writer.writtenBytes;
    this.#open = undefined;
  }

  /**
   * The host has closed its side of a connection that stays open; another conversation will follow.
   */
  hostLeft(next: Conversation): void {
    this.#isHostAway = true;
    if (this.#open !== undefined) this.#open = { ...this.#open, conversation: next };
  }

  /** A host has opened its side again. */
  hostCame(): void {
    this.#isHostAway = false;
  }

  /** Counts received bytes. */
  countReceived(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /**
   * Sends an unsolicited event to the host.
   *
   * @throws {HostUnreachableError} if no host is connected, if it is not reading, or if the event
   * is too large. Events are not queued.
   */
  notify(event: HostEvent): void {
    if (this.#open === undefined) throw new HostUnreachableError("no host is connected");
    if (this.#isHostAway) throw new HostUnreachableError("the host has closed the channel");
    if (this.#open.writer.isCongested) {
      throw new HostUnreachableError("the host is not reading");
    }
    this.#open.conversation.onEvent(event);
  }
}
