/**
 * Files in memory: what the file methods run against in tests that need no real ones.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import { commandFailed, notFound } from "../../../lib/base/errors.ts";
import { UnescapedBytes } from "../../../lib/base/json_text.ts";
import { isInside } from "../../../lib/policy/paths.ts";
import type {
  CommitOptions,
  DirectoryOptions,
  DirectoryPage,
  Files,
  FileStatus,
  OpenFile,
  OpenOptions,
  PageOptions,
  RemoveDirectoryOptions,
  RenameOptions,
  ReplaceOptions,
} from "../../../lib/guest/files.ts";
import type { AllowedPath } from "../../../lib/policy/paths.ts";

const DEFAULT_MODE = 0o644;

interface MemoryFile {
  bytes: Uint8Array<ArrayBuffer>;
  mode: number;
}

/** Regular files by path. A directory exists while it holds something, or if it was created. */
export class MemoryFiles implements Files {
  readonly #files = new Map<string, MemoryFile>();
  readonly #directories = new Set<string>();
  /** Paths that a method has opened and not disposed of. */
  readonly openPaths: string[] = [];
  /** How many pieces in base64 have been handed out and not released. */
  unreleased = 0;

  /** @param contents Text by path. */
  constructor(contents: Readonly<Record<string, string>> = {}) {
    for (const [path, text] of Object.entries(contents)) {
      this.#files.set(path, { bytes: new TextEncoder().encode(text), mode: DEFAULT_MODE });
    }
  }

  /** The text of a file, or `undefined` if there is none. */
  textOf(path: string): string | undefined {
    const file = this.#files.get(path);
    return file && new TextDecoder().decode(file.bytes);
  }

  /** The permission bits of a file. */
  modeOf(path: string): number | undefined {
    return this.#files.get(path)?.mode;
  }

  status({ path }: AllowedPath): Promise<FileStatus> {
    const file = this.#files.get(path);
    if (file === undefined) return Promise.reject(notFound(`${path} does not exist`, { path }));
    return Promise.resolve(statusOf(file));
  }

  list({ path }: AllowedPath, { after, limit }: PageOptions): Promise<DirectoryPage> {
    const names = [...this.#files.keys()].filter((one) => dirname(one) === path)
      .map((one) => one.slice(path.length + 1)).filter((name) => name > after).sort();
    const entries = names.slice(0, limit).flatMap((name) => {
      const file = this.#files.get(`${path}/${name}`);
      return file === undefined ? [] : [{ name, ...statusOf(file) }];
    });
    return Promise.resolve({
      entries,
      last: entries.at(-1)?.name,
      following: names.length - entries.length,
      notUtf8: 0,
    });
  }

  open({ path }: AllowedPath, { create }: OpenOptions): Promise<OpenFile> {
    if (create !== undefined && !this.#files.has(path)) {
      this.#files.set(path, { bytes: new Uint8Array(0), mode: create.mode ?? DEFAULT_MODE });
    }
    const file = this.#files.get(path);
    if (file === undefined) return Promise.reject(notFound(`${path} does not exist`, { path }));
    this.openPaths.push(path);
    return Promise.resolve({
      sizeBytes: file.bytes.byteLength,
      identity: `0-${[...this.#files.keys()].indexOf(path)}`,
      modifiedMs: 0,
      readAt: (offset, length) => Promise.resolve(this.#piece(file, offset, length)),
      writeAt: (offset, bytes) => Promise.resolve(writeInto(file, offset, bytes)),
      sha256: (offset, length) => sha256(file.bytes.slice(offset, offset + length)),
      [Symbol.dispose]: () => void this.openPaths.splice(this.openPaths.indexOf(path), 1),
    });
  }

  #piece({ bytes }: MemoryFile, offset: number, length: number) {
    const piece = bytes.slice(offset, offset + length);
    return {
      bytes: piece,
      base64: () => {
        this.unreleased += 1;
        const text = new TextEncoder().encode(piece.toBase64());
        return new UnescapedBytes(text, () => this.unreleased -= 1);
      },
    };
  }

  replace({ path }: AllowedPath, bytes: Uint8Array, { mode }: ReplaceOptions): Promise<void> {
    const kept = this.#files.get(path)?.mode ?? DEFAULT_MODE;
    this.#files.set(path, { bytes: Uint8Array.from(bytes), mode: mode ?? kept });
    return Promise.resolve();
  }

  async commit(
    { path }: AllowedPath,
    { from, sizeBytes, sha256: expected, mode }: CommitOptions,
  ): Promise<void> {
    const file = this.#files.get(from.path);
    if (file === undefined) throw notFound(`${from.path} does not exist`);
    if (file.bytes.byteLength !== sizeBytes) throw commandFailed("another size");
    if (await sha256(file.bytes) !== expected) throw commandFailed("another SHA-256");
    this.#files.delete(from.path);
    const kept = this.#files.get(path)?.mode ?? DEFAULT_MODE;
    this.#files.set(path, { ...file, mode: mode ?? kept });
  }

  async remove({ path }: AllowedPath): Promise<void> {
    if (this.#isDirectory(path)) throw commandFailed(`${path} is a directory`);
    if (!this.#files.delete(path)) throw notFound(`${path} does not exist`);
    return await Promise.resolve();
  }

  async rename({ path }: AllowedPath, { to, replace }: RenameOptions): Promise<void> {
    const file = this.#files.get(path);
    if (file === undefined) throw notFound(`${path} does not exist`);
    if (!replace && this.#files.has(to.path)) throw commandFailed(`${to.path} exists already`);
    this.#files.delete(path);
    this.#files.set(to.path, file);
    return await Promise.resolve();
  }

  async createDirectory(
    { path }: AllowedPath,
    { createDirectories }: DirectoryOptions,
  ): Promise<boolean> {
    if (this.#isDirectory(path)) return false;
    if (this.#files.has(path)) throw commandFailed(`${path} is not a directory`);
    const above = dirname(path);
    if (!createDirectories && !this.#isDirectory(above)) throw notFound(`${above} does not exist`);
    this.#directories.add(path);
    return await Promise.resolve(true);
  }

  async removeDirectory(
    { path }: AllowedPath,
    { maxEntries }: RemoveDirectoryOptions,
  ): Promise<number> {
    if (!this.#isDirectory(path)) throw notFound(`${path} does not exist`);
    const all = [...this.#files.keys(), ...this.#directories].filter((one) => isInside(one, path));
    const count = new Set([...all, path]).size;
    if (count > maxEntries) throw commandFailed(`${path} holds ${count} entries`);
    for (const one of all) {
      this.#files.delete(one);
      this.#directories.delete(one);
    }
    return await Promise.resolve(count);
  }

  #isDirectory(path: string): boolean {
    return this.#directories.has(path) ||
      [...this.#files.keys()].some((one) => one !== path && isInside(one, path));
  }
}

const statusOf = ({ bytes, mode }: MemoryFile): FileStatus => ({
  type: "file",
  sizeBytes: bytes.byteLength,
  mode,
  modifiedAt: 0,
});

function writeInto(file: MemoryFile, offset: number, bytes: Uint8Array): void {
  const grown = new Uint8Array(Math.max(file.bytes.byteLength, offset + bytes.byteLength));
  grown.set(file.bytes);
  grown.set(bytes, offset);
  file.bytes = grown;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
