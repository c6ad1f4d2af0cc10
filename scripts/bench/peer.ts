/**
 * The two that are compared, as the measures see them.
 *
 * @module
 */

import type { Caller, RequestText } from "./caller.ts";

/** What the files of the bench are moved in, in bytes; base64 of it fits a 64 KiB message. */
export const PIECE_BYTES = 48_000;

/** Commands that have been started together. */
export interface Running {
  /**
   * Resolves when all have ended.
   *
   * @returns How many bytes of standard output came back from each.
   * @throws {Error} when one failed.
   */
  ended(): Promise<number[]>;
}

/** One agent's words for what both can do. Everything is checked to have worked. */
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
   * Reads a file of a known size in pieces of {@link PIECE_BYTES}, one after the other.
   *
   * @returns What gets the content out of the answers, for when the clock has stopped.
   */
  readFile(path: string, sizeBytes: number): Promise<() => Uint8Array>;
  /** Writes a new file in pieces of {@link PIECE_BYTES}, given in base64, one after the other. */
  writeFile(path: string, pieces: readonly string[]): Promise<void>;
}

/** How to start one of the two, and how to speak to it. */
export interface Peer {
  readonly name: string;
  /** Whether it survives a line of any length. */
  readonly boundsLines: boolean;
  /** The program and its arguments, for an agent that serves `socket`. */
  command(socket: string): Promise<readonly [program: string, args: readonly string[]]>;
  speak(caller: Caller): Speech;
  /** The same with a command monitor on that socket, where there is such a thing. */
  readonly withMonitor?: (socket: string) => Promise<Peer>;
}

/** The pieces put together. */
export function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.byteLength;
  }
  return whole;
}
