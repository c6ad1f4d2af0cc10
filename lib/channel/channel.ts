/**
 * What every channel to the host is: something that hands out connections, one after the other.
 *
 * @module
 */

/** Bytes from and to one host. Reading and writing are independent of each other. */
export interface Connection {
  /**
   * What `null` from {@link read} means: the connection is over, or nobody is there at the moment
   * and the same connection may serve again (a virtio port whose host side is closed).
   */
  readonly atEndOfFile: "over" | "host away";
  /** Fills the beginning of the buffer; resolves to the number of bytes, or `null`. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes; resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Lets go of it; what is parked in the kernel may stay there. */
  close(): void;
}

/** The channel cannot be used at all; the message is one line for a person. */
export class ChannelError extends Error {
  override readonly name = "ChannelError";
}

/** The socket cannot be created; the message tells a person why. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** Where hosts come from. */
export interface Channel {
  /** What the log calls it. */
  readonly name: string;
  /** One host at a time: the next is given out when the one before has been served. */
  connections(): AsyncIterable<Connection>;
  /** Takes no more connections. */
  close(): void;
}
