/**
 * The files of one log: the current one, and older ones beside it.
 *
 * @module
 */

import { basename, dirname } from "@std/path/posix";
import { ERRORS, RpcError } from "../../../base/errors.ts";
import type { Files, OpenFile } from "../../../guest/files.ts";
import { type AllowedPath, isInside } from "../../../policy/paths.ts";
import { type OlderFile, olderFiles, sharedBeginning } from "./generations.ts";
import { type LogBytes, PlainBytes, UnpackedBytes } from "./log_bytes.ts";

const MAX_OLDER_NAMES = 1000;
/** How often a file is opened that is replaced meanwhile. */
const MAX_OPENS = 5;

/** Opens the files of one log. */
export class LogFiles {
  readonly #files: Pick<Files, "open" | "list">;

  constructor(
    files: Pick<Files, "open" | "list">,
    readonly path: AllowedPath,
    readonly signal: AbortSignal,
  ) {
    this.#files = files;
  }

  /** The older files, oldest first. */
  async older(): Promise<OlderFile[]> {
    const { path, root } = this.path;
    const directory = dirname(path);
    // Only the log itself may be read: its older files are as good as gone.
    if (!isInside(directory, root)) return [];
    const after = sharedBeginning(basename(path));
    const { entries } = await this.#files.list({ path: directory, root }, {
      after,
      limit: MAX_OLDER_NAMES,
      signal: this.signal,
    });
    return olderFiles(basename(path), entries.filter(({ type }) => type === "file"));
  }

  /** Opens the current file; a log that does not exist is an error. */
  async open(): Promise<OpenFile> {
    return await this.#open(this.path);
  }

  /** Opens the current file, if there is one. */
  async openIfAny(): Promise<OpenFile | undefined> {
    return await this.#openIfAny(this.path);
  }

  /** The bytes of the current file, if there is one. */
  async live(): Promise<PlainBytes | undefined> {
    const file = await this.openIfAny();
    return file && new PlainBytes(file);
  }

  /** The bytes of an older file, if it is still there. */
  async openOlder({ name, unpacker }: OlderFile): Promise<LogBytes | undefined> {
    const { path, root } = this.path;
    const file = await this.#openIfAny({ path: `${dirname(path)}/${name}`, root });
    if (file === undefined) return undefined;
    return unpacker === undefined ? new PlainBytes(file) : new UnpackedBytes(file, unpacker);
  }

  /** Whether the name still belongs to the file of these bytes. */
  async isStill(older: OlderFile | undefined, bytes: LogBytes): Promise<boolean> {
    const found = older && await this.openOlder(older);
    if (found === undefined) return false;
    await found[Symbol.asyncDispose]();
    return found.identity === bytes.identity;
  }

  async #openIfAny(path: AllowedPath): Promise<OpenFile | undefined> {
    try {
      return await this.#open(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /**
   * A name that a rotation gives to another file while it is opened looks like a link; unlike a link,
   * not for long.
   */
  async #open(path: AllowedPath): Promise<OpenFile> {
    for (let opens = 1;; opens++) {
      try {
        return await this.#files.open(path, { access: "read", signal: this.signal });
      } catch (error) {
        const isRefused = error instanceof RpcError && error.code === ERRORS.permissionDenied.code;
        if (!isRefused || opens === MAX_OPENS) throw error;
      }
    }
  }
}
