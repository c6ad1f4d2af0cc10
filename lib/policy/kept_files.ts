/**
 * Files kept open between the pieces of a transfer.
 *
 * Opening a file and proving that no link led to it costs more than reading a piece of it. A file
 * that has been proven is kept open for a moment; the next piece takes it again if the path still
 * names that very file. Then nothing needs proving: whatever the path leads through by now, it is
 * the proven file that is read or written.
 *
 * @module
 */

import type { AllowedPath } from "./paths.ts";
import { isSameFile, openRealFile } from "./real_file.ts";

const MAX_KEPT = 4;
const KEEP_MS = 1000;

interface Kept {
  readonly file: Deno.FsFile;
  readonly info: Deno.FileInfo;
  readonly since: number;
}

const kept = new Map<string, Kept>();
let sweeping: ReturnType<typeof setTimeout> | undefined;

/** An open file that nobody else uses, until it is disposed of. */
export class BorrowedFile implements Disposable {
  readonly #key: string;

  private constructor(
    key: string,
    readonly file: Deno.FsFile,
    /** As the file was when it was borrowed. */
    readonly info: Deno.FileInfo,
  ) {
    this.#key = key;
  }

  /**
   * Takes a kept file, or opens it.
   *
   * @throws As {@link openRealFile}.
   */
  static async take(
    target: AllowedPath,
    access: "read" | "write",
    signal: AbortSignal,
  ): Promise<BorrowedFile> {
    const key = `${access} ${target.root} ${target.path}`;
    const one = kept.get(key);
    if (one !== undefined) {
      kept.delete(key);
      if (isSameFile(target.path, one.info)) {
        return new BorrowedFile(key, one.file, one.file.statSync());
      }
      one.file.close();
    }
    const { file, info } = await openRealFile(target, access, signal);
    return new BorrowedFile(key, file, info);
  }

  [Symbol.dispose](): void {
    if (kept.has(this.#key) || kept.size >= MAX_KEPT) return this.file.close();
    kept.set(this.#key, { file: this.file, info: this.info, since: performance.now() });
    sweeping ??= setTimeout(sweep, KEEP_MS);
  }
}

function sweep(): void {
  const oldest = performance.now() - KEEP_MS;
  for (const [key, { file, since }] of kept) {
    if (since > oldest) continue;
    kept.delete(key);
    file.close();
  }
  sweeping = kept.size === 0 ? undefined : setTimeout(sweep, KEEP_MS);
}
