/**
 * What a language of the wire is to a channel: a state machine over a connection.
 *
 * @module
 */

import { UnescapedBytes } from "../base/json_text.ts";

/** A part of what is sent: text, or text in bytes. */
export type Part = string | Uint8Array | UnescapedBytes;

/** The part has been copied or dropped: a buffer that is lent may be used again. */
export function releasePart(part: Part): void {
  if (part instanceof UnescapedBytes) part.release();
}

/** The way back to the host. */
export interface ReplyLink {
  /**
   * Sends the parts one after the other; resolves once they have been written or dropped, and never
   * rejects.
   */
  send(...parts: readonly Part[]): Promise<void>;
}

/** Something the host is told without having asked. */
export interface HostEvent {
  readonly name: string;
  readonly params: unknown;
}

/** Speaks a language with the hosts of a channel, one after the other. */
export interface Dialect {
  /** Begins a conversation with a host that is there, or will be. */
  converse(link: ReplyLink): Conversation;
}

/** The conversation with one host. */
export interface Conversation {
  /**
   * Sends the greeting of the dialect; resolves when the host has it. `undefined` if the dialect has
   * none.
   */
  greet(): Promise<void> | undefined;
  /** Takes bytes from the host; the buffer may be reused afterwards. */
  onBytes(bytes: Uint8Array): void;
  /**
   * Resolves when more bytes may come; absent or `undefined` if they may at once. A dialect that
   * answers in strict order reads no further while a command is under way.
   */
  ready?(): Promise<void> | undefined;
  /**
   * Tells the host.
   *
   * @throws {HostUnreachableError} if the event is too large for a message.
   */
  onEvent(event: HostEvent): void;
  /** The host has left: drops half a request, and every reply that is still owed. */
  abandon(): void;
  /** Resolves when no reply is owed any more. */
  drained(): Promise<void>;
}

/** The host cannot be told anything now; the message says why. */
export class HostUnreachableError extends Error {
  override readonly name = "HostUnreachableError";
}
