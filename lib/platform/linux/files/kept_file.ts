/**
 * An open file that can be reused after it was given back.
 *
 * @module
 */

import type { OpenFile, Piece } from "../../../guest/files.ts";
import { PositionedFile } from "../../positioned_file.ts";
import { hashPart } from "./hash_part.ts";
import { PieceReader } from "./piece_reader.ts";
import { restatIfSame } from "./real_path.ts";
import type { RealFile } from "./real_file.ts";

/** A verified file that nothing else uses until it is disposed of. */
export class KeptFile implements OpenFile {
  readonly #file: Deno.FsFile;
  readonly #positioned: PositionedFile;
  readonly #reader: PieceReader;
  readonly #giveBack: (file: KeptFile) => boolean;
  #info: Deno.FileInfo;

  /** @param giveBack Takes it back when it is disposed of; returns whether it is kept. */
  constructor(
    readonly path: string,
    { file, info }: RealFile,
    giveBack: (file: KeptFile) => boolean,
  ) {
    this.#file = file;
    this.#info = info;
    this.#positioned = new PositionedFile(file);
    this.#reader = new PieceReader(this.#positioned);
    this.#giveBack = giveBack;
  }

  /** The file as it was when it was taken. */
  get info(): Deno.FileInfo {
    return this.#info;
  }

  get sizeBytes(): number {
    return this.#info.size;
  }

  get identity(): string {
    return `${this.#info.dev}-${this.#info.ino}`;
  }

  get modifiedMs(): number {
    return this.#info.mtime?.getTime() ?? 0;
  }

  /** Stats the file again; returns whether the path still names it. */
  restat(): boolean {
    const info = restatIfSame(this.path, this.#info);
    if (info === undefined) return false;
    this.#info = info;
    return true;
  }

  async readAt(offset: number, length: number, signal: AbortSignal): Promise<Piece> {
    return await this.#reader.read(offset, length, this.#info, signal);
  }

  async writeAt(offset: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#positioned.writeAt(offset, bytes, signal);
  }

  async sha256(offset: number, length: number, signal: AbortSignal): Promise<string> {
    await this.#reader.settle();
    const file = { file: this.#file, path: this.path, info: this.#info };
    try {
      return await hashPart(file, { offset, length }, signal);
    } finally {
      this.#positioned.forgetPosition();
    }
  }

  [Symbol.dispose](): void {
    if (this.#giveBack(this)) this.#reader.prefetchNext(this.#info);
  }

  /** Closes it for good. */
  close(): void {
    this.#reader.close();
    this.#file.close();
  }
}
