/**
 * The guest's end of a push: the file next to the target, which the pieces are written to.
 *
 * @module
 */

import { ERRORS } from "../../lib/base/errors.ts";
import type { AgentClient } from "../client.ts";
import { AnswerError } from "../errors.ts";
import { retryWhenLimited } from "./pieces.ts";
import { isDiskFull, partialPath, TransferError } from "./transfer.ts";

const PRIVATE_PERMISSIONS = "0600";
/** How long removing may take: somebody may be waiting after Ctrl-C. */
const REMOVE_TIMEOUT_MS = 5000;

/** The parameters of a commit. */
export interface CommitOptions {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Octal digits for `file_commit`. */
  readonly permissions: string;
}

/** An incomplete file in the guest. */
export class PartialUpload {
  /** The guest's file while it is incomplete. */
  readonly path: string;

  /** @param targetPath The name that the file gets in the end. */
  constructor(
    readonly client: AgentClient,
    readonly targetPath: string,
    readonly createDirs: boolean,
  ) {
    this.path = partialPath(targetPath);
  }

  /**
   * Checks that the agent accepts the file before anything is transferred: an empty piece at the
   * end of the file is subject to `max_file_size_mb`, the paths and the permissions. It creates the
   * file if there is none.
   *
   * @throws {AnswerError} if the agent refuses.
   */
  async checkSize(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    await this.#write(new Uint8Array(0), { offset: bytes }, signal);
  }

  /**
   * The number of bytes that an earlier attempt has left, nothing, or what cannot be used: no file, one
   * that is too long, or one that this host may not read.
   */
  async find(
    totalBytes: number,
    signal: AbortSignal | undefined,
  ): Promise<number | "nothing" | "unusable"> {
    try {
      const stat = () => this.client.call("file_stat", { path: this.path }, { signal });
      const found = await retryWhenLimited(signal, stat);
      const isUsable = found.type === "file" && found.size_bytes > 0 &&
        found.size_bytes <= totalBytes;
      return isUsable ? found.size_bytes : "unusable";
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      if (error.code === ERRORS.notFound.code) return "nothing";
      if (error.code === ERRORS.permissionDenied.code) return "unusable";
      throw error;
    }
  }

  /** Starts the file over with its first piece, replacing what an earlier attempt has left. */
  async begin(first: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    await this.#write(first, {}, signal);
  }

  /** Writes a piece. */
  async write(offset: number, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    await this.#write(bytes, { offset }, signal);
  }

  /**
   * Gives the file its name; the guest verifies the size and the hash.
   *
   * @returns The path as the guest reports it.
   */
  async commit(
    { bytes, sha256, permissions }: CommitOptions,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const params = {
      path: this.targetPath,
      from: this.path,
      size_bytes: bytes,
      sha256,
      permissions,
    };
    const commit = () => this.client.call("file_commit", params, { signal });
    return (await retryWhenLimited(signal, commit)).path;
  }

  /**
   * Removes the file if a piece did not fit the guest. Other errors are returned unchanged:
   * transferred pieces are kept for the next attempt.
   */
  async removeIfFull(error: unknown): Promise<unknown> {
    if (!(error instanceof AnswerError && (isDiskFull(error) || isOverSizeLimit(error)))) {
      return error;
    }
    const left = await this.remove();
    return new TransferError(left === undefined ? error.reason : `${error.reason}; ${left}`);
  }

  /**
   * Removes the file. An agent without `file_remove` empties it.
   *
   * @returns What remains in the guest, as the end of a sentence; `undefined` if nothing does.
   */
  async remove(): Promise<string | undefined> {
    const options = { timeoutMs: REMOVE_TIMEOUT_MS };
    try {
      await this.client.call("file_remove", { path: this.path }, options);
      return undefined;
    } catch (error) {
      if (error instanceof AnswerError && error.code === ERRORS.notFound.code) return undefined;
    }
    try {
      await this.client.call("file_write", { path: this.path, content: "" }, options);
      return `an empty ${this.path} remains in the guest`;
    } catch {
      // The first failure is the one to report.
      return `what was pushed remains in ${this.path}`;
    }
  }

  async #write(
    bytes: Uint8Array,
    { offset }: { readonly offset?: number },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const params = {
      path: this.path,
      content: bytes.toBase64(),
      encoding: "base64" as const,
      permissions: PRIVATE_PERMISSIONS,
      create_dirs: this.createDirs,
      ...(offset === undefined ? {} : { offset }),
    };
    // A piece that is still under way would create the file again after it was removed.
    const options = { signal, cancelInGuest: true };
    await retryWhenLimited(signal, () => this.client.call("file_write", params, options));
  }
}

const isOverSizeLimit = ({ reason }: AnswerError) => reason.includes("max_file_size_mb");
