/**
 * The link to whichever host is served: whether it is open, and events for it.
 *
 * @module
 */

import { type Conversation, type HostEvent, HostUnreachableError } from "./dialect.ts";

/** What the link needs of the writer that serves the host. */
export interface LinkWriter {
  /** Whether so much waits that nothing more should be sent. */
  readonly isCongested: boolean;
  readonly writtenBytes: number;
}

/** The conversation with a host, and the writer that it goes through. */
interface Open {
  readonly conversation: Conversation;
  readonly writer: LinkWriter;
}

/** The link to whichever host is served. The connection's loop keeps it up to date. */
export class HostLink {
  #open: Open | undefined;
  #isHostAway = false;
  #receivedBytes = 0;
  #sentBefore = 0;

  /** Whether a host is there to read. */
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

  /** A host is served from now on. */
  open(conversation: Conversation, writer: LinkWriter): void {
    this.#open = { conversation, writer };
    this.#isHostAway = false;
  }

  /** The host is served no more. */
  close(writer: LinkWriter): void {
    if (this.#open?.writer !== writer) return;
    this.#sentBefore += writer.writtenBytes;
    this.#open = undefined;
  }

  /** The host has closed its side of a connection that stays; another conversation will follow. */
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
   * Tells the host something it has not asked for.
   *
   * @throws {HostUnreachableError} if no host is there or it does not read, and for an event that is
   * too large: nothing is kept for later.
   */
  notify(event: HostEvent): void {
    if (this.#open === undefined) throw new HostUnreachableError("no host is connected");
    if (this.#isHostAway) throw new HostUnreachableError("the host has closed the channel");
    if (this.#open.writer.isCongested) {
      throw new HostUnreachableError("the host does not read what was sent to it");
    }
    this.#open.conversation.onEvent(event);
  }
}
