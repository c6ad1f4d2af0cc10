/**
 * A file whose content a child writes.
 *
 * @module
 */

import { basename, dirname } from "@std/path/posix";
import type { OpenFile, Piece } from "../../../guest/files.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import type { FileShells } from "./file_shells.ts";
import { routeTo, walkFailure } from "./walk.ts";

/** An open file on a file system that keeps it in memory; see `file_system_types.ts`. */
export class ChildWrittenFile implements OpenFile {
  readonly #file: OpenFile;
  readonly #target: AllowedPath;
  readonly #shells: FileShells;

  /** @param file The same file, opened and verified. */
  constructor(file: OpenFile, target: AllowedPath, shells: FileShells) {
    this.#file = file;
    this.#target = target;
    this.#shells = shells;
  }

  get sizeBytes(): number {
    return this.#file.sizeBytes;
  }

  get identity(): string {
    return this.#file.identity;
  }

  get modifiedMs(): number {
    return this.#file.modifiedMs;
  }

  readAt(offset: number, length: number, signal: AbortSignal): Promise<Piece> {
    return this.#file.readAt(offset, length, signal);
  }

  /** Opens the file by name again, without following a link or blocking on a FIFO. */
  async writeAt(offset: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const target = this.#target;
    const route = routeTo(dirname(target.path), target.root);
    const values = [basename(target.path), String(offset), String(bytes.byteLength)];
    const { word, text } = await this.#shells.use(signal, async (shell) => {
      const answer = await shell.ask("piece", route, values, signal);
      return answer.word === "ready" ? await shell.send([bytes.slice()], signal) : answer;
    });
    if (word !== "0") throw walkFailure(target, { status: Number(word), text, action: "written" });
  }

  sha256(offset: number, length: number, signal: AbortSignal): Promise<string> {
    return this.#file.sha256(offset, length, signal);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
