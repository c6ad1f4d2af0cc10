/**
 * The two agents being compared.
 *
 * @module
 */

import type { Caller, RequestText } from "./caller.ts";

/** Bytes of a file that one request moves; its base64 fits a 64 KiB message. */
export const PIECE_BYTES = 48_000;

/** Commands that were started together. */
export interface Running {
  /**
   * Resolves when all have ended.
   *
   * @returns How many bytes of standard output came back from each.
   * @throws {Error} if one failed.
   */
  ended(): Promise<number[]>;
}

/** What both agents can do, in one agent's language. Every result is checked. */
export interface Speech {
  /** A ping as a line. */
  readonly ping: RequestText;
  /** A request for the operating system's facts as a line. */
  readonly systemInfo: RequestText;
  /** A request for the network interfaces as a line. */
  readonly networkInfo: RequestText;
  /** A request for the usage of the file systems as a line. */
  readonly diskUsage: RequestText;
  /** Runs a command to its end and takes its output. */
  exec(program: string): Promise<void>;
  /** Starts a command several times at once without waiting for anything. */
  execMany(program: string, args: readonly string[], count: number): Promise<Running>;
  /**
   * Reads a file of a known size in pieces, one after the other.
   *
   * @param pieceBytes {@link PIECE_BYTES} unless given, which only qemu-ga's language heeds.
   * @returns A function that decodes the content, to be called after the clock has stopped.
   */
  readFile(path: string, sizeBytes: number, pieceBytes?: number): Promise<() => Uint8Array>;
  /** Writes a new file of at most {@link PIECE_BYTES} bytes, given in base64, all at once. */
  writeWhole(path: string, content: string): Promise<void>;
  /** Writes a new file in pieces, given in base64, one after the other. */
  writeFile(path: string, pieces: readonly string[]): Promise<void>;
}

/** How to start an agent and how to talk to it. */
export interface Peer {
  readonly name: string;
  /** Whether it limits the length of a line. */
  readonly boundsLines: boolean;
  /** The program and its arguments, for an agent that serves `socket`. */
  command(socket: string): Promise<readonly [program: string, args: readonly string[]]>;
  speak(caller: Caller): Speech;
  /** The same with a command monitor on that socket, for an agent that has one. */
  readonly withMonitor?: (socket: string) => Promise<Peer>;
  /** The same with a state directory on disk, for an agent that has jobs. */
  readonly withState?: (directory: string) => Promise<Peer>;
  /** The same with operations that need root performed by brokers, for an agent that has them. */
  readonly withBroker?: () => Promise<Peer>;
  /** The same speaking qemu-ga's language, for an agent that has another one of its own. */
  readonly withQga?: () => Promise<Peer>;
}

/** Joins the pieces. */
export function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.byteLength;
  }
  return whole;
}
