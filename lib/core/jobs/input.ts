/**
 * The standard input of a job: bytes that the host has sent and the program has not read.
 *
 * @module
 */

import { commandFailed, invalidParams } from "../../base/errors.ts";
import type { StartedCommand } from "../../guest/commands.ts";

/** Bytes that wait for a program which does not read. The pipe itself holds another 64 KiB. */
export const MAX_PENDING_BYTES = 64 * 1024;

/** What a host sends at once. */
export interface InputChunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where in the input the bytes belong; a repeated chunk is not written twice. */
  readonly offset?: number;
  /** Whether the input ends after the bytes. */
  readonly isLast: boolean;
}

/** Writes to a command in the background. */
export class JobInput {
  readonly #command: StartedCommand;
  readonly #onRoom: () => void;
  #pending: Uint8Array<ArrayBuffer>[] = [];
  #pendingBytes = 0;
  #accepted = 0;
  #isEnded = false;
  #isBroken = false;
  #isWriting = false;

  /** @param onRoom Called when there is room for more, or when no more can be written. */
  constructor(command: StartedCommand, onRoom: () => void) {
    this.#command = command;
    this.#onRoom = onRoom;
  }

  /** Bytes that were accepted so far. */
  get acceptedBytes(): number {
    return this.#accepted;
  }

  /** Whether the host has ended it. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Bytes that can be accepted now; also more than 0 if accepting will fail. */
  get room(): number {
    return this.#isBroken ? 1 : MAX_PENDING_BYTES - this.#pendingBytes;
  }

  /**
   * Accepts as many of the bytes as there is room for; returns their number, with those that had
   * been accepted before.
   *
   * @throws {RpcError} -32602 for an offset beyond the input so far, -32000 if the input has ended or
   * the program has closed it.
   */
  accept({ bytes, offset = this.#accepted, isLast }: InputChunk): number {
    if (offset > this.#accepted) {
      throw invalidParams(
        `offset must be at most ${this.#accepted}, the bytes of input so far, received ${offset}`,
        { params: ["offset"], input_bytes: this.#accepted },
      );
    }
    const known = Math.min(this.#accepted - offset, bytes.byteLength);
    const fresh = bytes.subarray(known);
    if (this.#isEnded) {
      if (fresh.byteLength === 0) return known;
      throw commandFailed("the input of this job has already ended");
    }
    if (this.#isBroken) throw commandFailed("the command has closed its input, or has ended");
    const fitting = fresh.subarray(0, Math.max(0, this.room));
    if (fitting.byteLength > 0) {
      this.#pending.push(fitting.slice());
      this.#pendingBytes += fitting.byteLength;
      this.#accepted += fitting.byteLength;
    }
    if (isLast && fitting.byteLength === fresh.byteLength) this.#isEnded = true;
    if (!this.#isWriting) void this.#write();
    return known + fitting.byteLength;
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
        await this.#command.write(next);
        this.#pendingBytes -= next.byteLength;
        this.#onRoom();
      }
      if (this.#isEnded) await this.#command.closeInput();
    } catch {
      this.close();
    } finally {
      this.#isWriting = false;
    }
  }

  /** The program reads no more. */
  close(): void {
    this.#isBroken = true;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#onRoom();
  }
}
