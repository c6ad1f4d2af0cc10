/**
 * The guest's end of a pull: the file's status, its pieces and its hash.
 *
 * @module
 */

import type { AgentClient } from "../client.ts";
import { type ByteRange, retryWhenLimited } from "./pieces.ts";
import { TransferError } from "./transfer.ts";

/** A file of the guest that is read in pieces. */
export class RemoteFile {
  private constructor(
    readonly client: AgentClient,
    readonly path: string,
    /** Its size when its status was queried. */
    readonly bytes: number,
    /** Its permission bits at that time. */
    readonly mode: number,
  ) {}

  /**
   * Queries the status of a file of the guest.
   *
   * @throws {TransferError} if it is not a regular file.
   */
  static async find(
    client: AgentClient,
    path: string,
    signal: AbortSignal | undefined,
  ): Promise<RemoteFile> {
    const stat = () => client.call("file_stat", { path }, { signal });
    const { type, size_bytes, permissions } = await retryWhenLimited(signal, stat);
    if (type !== "file") {
      throw new TransferError(`${path} is not a regular file but of type ${type}`);
    }
    return new RemoteFile(client, path, size_bytes, Number.parseInt(permissions, 8));
  }

  /**
   * Reads a range. One answer may contain less than was requested, so `take` may be called several
   * times, in order.
   *
   * @throws {TransferError} if the file has become shorter, or the agent sends invalid data.
   */
  async read(
    { offset, length }: ByteRange,
    signal: AbortSignal,
    take: (offset: number, bytes: Uint8Array) => void,
  ): Promise<void> {
    const { client, path } = this;
    for (let at = offset; at < offset + length;) {
      const params = {
        path,
        encoding: "base64" as const,
        offset: at,
        length: offset + length - at,
      };
      const piece = await retryWhenLimited(
        signal,
        () => client.call("file_read", params, { signal }),
      );
      const bytes = decode(piece.content, path);
      if (bytes.byteLength === 0) throw this.#changed();
      if (bytes.byteLength > params.length) {
        throw new TransferError(`the agent sent more of ${path} than was requested`);
      }
      take(at, bytes);
      at += bytes.byteLength;
    }
  }

  /**
   * Fails unless the guest computes the same hash.
   *
   * @param sha256 Hexadecimal.
   * @throws {TransferError} if the file was written to since {@link find}.
   */
  async verify(sha256: string, signal: AbortSignal | undefined): Promise<void> {
    const hash = () => this.client.call("file_hash", { path: this.path }, { signal });
    const theirs = await retryWhenLimited(signal, hash);
    if (theirs.size_bytes !== this.bytes || theirs.sha256 !== sha256) throw this.#changed();
  }

  #changed(): TransferError {
    return new TransferError(
      `${this.path} changed during the transfer; pull it again (only changed parts are sent)`,
    );
  }
}

function decode(content: string, path: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(content);
  } catch {
    throw new TransferError(`the agent sent a piece of ${path} that is not base64`);
  }
}
