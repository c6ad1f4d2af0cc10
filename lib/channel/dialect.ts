/**
 * A wire protocol as the channel sees it: a state machine over a connection.
 *
 * @module
 */

import { UnescapedBytes } from "../base/json_text.ts";

/** A part of what is sent: text, or text in bytes. */
export type Part = string | Uint8Array | UnescapedBytes;

/** Reports that the part has been copied or dropped: a lent buffer may be reused. */
export function releasePart(part: Part): void {
  if (part instanceof UnescapedBytes) part.release();
}

/** The way back to the host. */
export interface ReplyLink {
  /**
   * Sends the parts in order; resolves once they have been written or dropped, and never rejects.
   */
  send(...parts: readonly Part[]): Promise<void>;
}

/** An unsolicited event for the host. */
export interface HostEvent {
  readonly name: string;
  readonly params: unknown;
}

/** Speaks one protocol with the hosts of a channel, one after another. */
export interface Dialect {
  /** Begins a conversation with a host that is connected, or will connect. */
  converse(link: ReplyLink): Conversation;
}

/** The conversation with one host. */
export interface Conversation {
  /**
   * Sends the dialect's greeting; resolves once the host has it. `undefined` if the dialect has
   * none.
   */
  greet(): Promise<void> | undefined;
  /** Takes bytes from the host; the caller may reuse the buffer afterwards. */
  onBytes(bytes: Uint8Array): void;
  /**
   * Resolves when more bytes may come; absent or `undefined` if they may come at once. A dialect that
   * answers in strict order reads no further while a command is under way.
   */
  ready?(): Promise<void> | undefined;
  /**
   * Sends an event to the host.
   *
   * @throws {HostUnreachableError} if the event is too large for a message.
   */
  onEvent(event: HostEvent): void;
  /**
   * The host has disconnected. If another one has begun to speak since `time` (milliseconds of
   * `performance.now()`), returns `true`, goes on with it, and drops the replies owed to the first
   * as far as it can tell them apart.
   */
  isTakenOverSince(time: number): boolean;
  /** The host has disconnected: drops an incomplete request and all pending replies. */
  abandon(): void;
  /** Resolves when no reply is pending any more. */
  drained(): Promise<void>;
}

/** Nothing can be sent to the host now; the message says why. */
export class HostUnreachableError extends Error {
  override readonly name = "HostUnreachableError";
}
