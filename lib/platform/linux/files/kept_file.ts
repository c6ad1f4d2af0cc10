/**
 * An open file that can be reused after it was given back.
 *
 * @module
 */

import type { OpenFile, Piece } from "../../../guest/files.ts";
import { PositionedFile } from "../../positioned_file.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import { hashPart, refuseChanged } from "./hash_part.ts";
import { PieceReader } from "./piece_reader.ts";
import { restatIfSame } from "./real_path.ts";
import type { RealFile } from "./real_file.ts";

const MUCH_BYTES = 256 * 1024;

/**
 * Hashes a whole file without handing its bytes on; `undefined` if that is not possible.
 *
 * @param info The file, whatever the path names by now.
 */
export type HashWhole = (
  target: AllowedPath,
  info: Deno.FileInfo,
  signal: AbortSignal,
) => Promise<string | undefined>;

/** What a kept file needs of those who keep it. */
export interface Keeper {
  readonly hashWhole: HashWhole;
  /** Takes the file back when it is disposed of; returns whether it is kept. */
  readonly giveBack: (file: KeptFile) => boolean;
}

/** A verified file that nothing else uses until it is disposed of. */
export class KeptFile implements OpenFile {
  readonly #target: AllowedPath;
  readonly #file: Deno.FsFile;
  readonly #positioned: PositionedFile;
  readonly #reader: PieceReader;
  readonly #keeper: Keeper;
  #info: Deno.FileInfo;

  constructor(target: AllowedPath, { file, info }: RealFile, keeper: Keeper) {
    this.#target = target;
    this.#file = file;
    this.#info = info;
    this.#positioned = new PositionedFile(file);
    this.#reader = new PieceReader(this.#positioned);
    this.#keeper = keeper;
  }

  get path(): string {
    return this.#target.path;
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

  readAhead(offset: number, length: number): Piece | undefined {
    return this.#reader.readAhead(offset, length, this.#info);
  }

  async writeAt(offset: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#positioned.writeAt(offset, bytes, signal);
  }

  async sha256(offset: number, length: number, signal: AbortSignal): Promise<string> {
    await this.#reader.settle();
    const file = { file: this.#file, path: this.path, info: this.#info };
    // Starting a second process for a little takes longer than handing it on.
    const isMuch = offset === 0 && length === this.#info.size && length >= MUCH_BYTES;
    const whole = isMuch
      ? await this.#keeper.hashWhole(this.#target, this.#info, signal)
      : undefined;
    if (whole !== undefined) {
      refuseChanged(file);
      return whole;
    }
    try {
      return await hashPart(file, { offset, length }, signal);
    } finally {
      this.#positioned.forgetPosition();
    }
  }

  [Symbol.dispose](): void {
    if (this.#keeper.giveBack(this)) this.#reader.prefetchNext(this.#info);
  }

  /** Closes it for good. */
  close(): void {
    this.#reader.close();
    this.#file.close();
  }
}
