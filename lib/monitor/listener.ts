/**
 * Where commands come from: what the server asks of a platform's socket or pipe.
 *
 * @module
 */

/** One client, as a unix socket or a named pipe has it. */
export interface CommandConnection {
  /** Fills the beginning of the buffer; resolves to the number of bytes, `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes; resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Tells the client that the answer is complete; it may still be sending. */
  closeWrite(): Promise<void>;
  close(): void;
}

/** A socket or pipe that clients can connect to. */
export interface CommandListener {
  /** What the log calls it. */
  readonly path: string;
  /** The next client, or `undefined` once it has been closed. */
  accept(): Promise<CommandConnection | undefined>;
  /** Whether clients still find it; somebody may have removed its file. */
  isInPlace(): Promise<boolean>;
  /** Takes no more clients, and removes what it has made where that is still there. */
  close(): void;
}

/**
 * Makes the listener.
 *
 * @throws {ListenError} when it cannot be made; the message tells a person why.
 */
export type OpenListener = () => Promise<CommandListener>;
