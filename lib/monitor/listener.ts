/**
 * The source of commands: what the server needs from a platform's socket or pipe.
 *
 * @module
 */

/** One client on a unix socket or a named pipe. */
export interface CommandConnection {
  /** Fills the beginning of the buffer; resolves to the number of bytes, `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes; resolves to their number. */
  write(bytes: Uint8Array): Promise<number>;
  /** Tells the client that the answer is complete; the client may still be sending. */
  closeWrite(): Promise<void>;
  close(): void;
}

/** A socket or pipe that clients can connect to. */
export interface CommandListener {
  /** Its name in the log. */
  readonly path: string;
  /** The next client, or `undefined` after {@link close}. */
  accept(): Promise<CommandConnection | undefined>;
  /** Whether clients can still find it: its file may have been removed. */
  isInPlace(): Promise<boolean>;
  /** Accepts no more clients. Removes its file, unless another file has taken its place. */
  close(): void;
}

/**
 * Creates the listener.
 *
 * @throws {Error} if it cannot be created; the message says why.
 */
export type OpenListener = () => Promise<CommandListener>;
