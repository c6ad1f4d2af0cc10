/**
 * A channel to the host: a source of consecutive connections.
 *
 * @module
 */

/** Bytes from and to one host. Reading and writing are independent of each other. */
export interface Connection {
  /**
   * What `null` from {@link read} means: the connection is over, or no host is connected now, and
   * the same connection can be used again (a virtio port whose host side is closed).
   */
  readonly atEndOfFile: "over" | "host away";
  /** Fills the beginning of the buffer; resolves to the number of bytes, or `null`. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes; resolves to their number. */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes it; blocked system calls may stay blocked. */
  close(): void;
}

/** The channel cannot be used; the message is one line for a person. */
export class ChannelError extends Error {
  override readonly name = "ChannelError";
}

/** The socket cannot be created; the message says why. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** Where hosts come from. */
export interface Channel {
  /** Its name in the log. */
  readonly name: string;
  /** One host at a time: the next connection is returned once the previous one has been served. */
  connections(): AsyncIterable<Connection>;
  /** Accepts no more connections. */
  close(): void;
}
