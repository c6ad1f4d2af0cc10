/**
 * A lock on a channel, so that programs learn who uses it instead of hanging: QEMU serves one
 * client at a time, and the others get no error.
 *
 * The lock is an flock(2) on `SOCKET.lock`. It ends with its process, so the file of a killed
 * process locks nothing. If the directory is not writable and has no such file, there is no lock.
 *
 * @module
 */

import * as z from "zod";
import { CallError } from "./errors.ts";
import { sleep } from "./sleep.ts";

/** Half a second in all: long enough for a short command to finish, short enough not to look like a hang. */
const TRIES = 10;
const RETRY_MS = 50;
const LOCK_FILE_MODE = 0o644;
/** More than a lock file contains. */
const MAX_OWNER_BYTES = 4096;

const Owner = z.object({ pid: z.int(), command: z.string() });

/** The process that holds a lock. */
export type LockOwner = z.output<typeof Owner>;

/** Appended to the socket's path. */
export const LOCK_SUFFIX = ".lock";

/** A lock that is held until it is disposed of. */
export class ChannelLock implements Disposable {
  #file: Deno.FsFile | undefined;

  private constructor(file: Deno.FsFile, readonly path: string) {
    this.#file = file;
  }

  /**
   * Takes the lock of a channel.
   *
   * @param command What this program does, for the message that others get.
   * @returns The lock, or `undefined` if locking is not possible.
   * @throws {CallError} `"in use"`, naming the process that holds the lock.
   */
  static async acquire(socketPath: string, command: string): Promise<ChannelLock | undefined> {
    // No lock file next to something that is not a socket; connecting will report the error.
    if (!await isSocket(socketPath)) return undefined;
    const path = `${socketPath}${LOCK_SUFFIX}`;
    let owner: LockOwner | undefined;
    for (let tries = 0; tries < TRIES; tries++) {
      if (tries > 0) await sleep(RETRY_MS);
      const attempt = await tryOnce(path, command);
      if (attempt.kind === "impossible") return undefined;
      if (attempt.kind === "locked") return new ChannelLock(attempt.file, path);
      owner = attempt.owner ?? owner;
    }
    const holder = owner === undefined
      ? "another program"
      : `${owner.command} (process ${owner.pid})`;
    throw new CallError(
      `${socketPath} is in use by ${holder}; QEMU serves one client of a channel at a time`,
      "in use",
    );
  }

  [Symbol.dispose](): void {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    try {
      // While it is still locked: afterwards the name may belong to another process's file.
      Deno.removeSync(this.path);
    } catch {
      // The file stays, and locks nothing.
    }
    file.close();
  }
}

type Attempt =
  | { readonly kind: "locked"; readonly file: Deno.FsFile }
  | { readonly kind: "held"; readonly owner?: LockOwner }
  | { readonly kind: "impossible" };

async function tryOnce(path: string, command: string): Promise<Attempt> {
  let file: Deno.FsFile;
  try {
    // createNew means O_EXCL (open(2)), which does not follow a planted symbolic link.
    file = await Deno.open(path, { write: true, createNew: true, mode: LOCK_FILE_MODE });
  } catch (error) {
    return await tryExisting(path, error instanceof Deno.errors.AlreadyExists);
  }
  if (!await file.tryLock(true) || !await isSameFile(file, path)) {
    // Another process found the file before it was locked and considered it stale.
    file.close();
    return { kind: "held" };
  }
  const owner: LockOwner = { pid: Deno.pid, command };
  await file.write(new TextEncoder().encode(`${JSON.stringify(owner)}\n`));
  return { kind: "locked", file };
}

/** An existing file: held by a process, left behind, or not a lock file. */
async function tryExisting(path: string, existed: boolean): Promise<Attempt> {
  let file: Deno.FsFile;
  try {
    // Opening a FIFO would block until it has a writer.
    if (!(await Deno.lstat(path)).isFile) return { kind: "impossible" };
    file = await Deno.open(path, { read: true });
  } catch (error) {
    // Deleted in the meantime: its holder has just finished.
    const isGone = existed && error instanceof Deno.errors.NotFound;
    return { kind: isGone ? "held" : "impossible" };
  }
  if (!await file.tryLock(true)) {
    const owner = await readOwner(file);
    file.close();
    return { kind: "held", owner };
  }
  try {
    // Stale. It is replaced, not written to: it may belong to another user.
    if (await isSameFile(file, path)) await Deno.remove(path);
  } catch {
    // The directory cannot be written to. The lock is valid; only the text names another process.
    return { kind: "locked", file };
  }
  file.close();
  return { kind: "held" };
}

async function isSocket(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isSocket === true;
  } catch {
    return false;
  }
}

/** Whether the path still leads to the open file. */
async function isSameFile(file: Deno.FsFile, path: string): Promise<boolean> {
  try {
    const [ours, theirs] = [await file.stat(), await Deno.lstat(path)];
    return ours.dev === theirs.dev && ours.ino === theirs.ino;
  } catch {
    return false;
  }
}

async function readOwner(file: Deno.FsFile): Promise<LockOwner | undefined> {
  const buffer = new Uint8Array(MAX_OWNER_BYTES);
  const read = await file.read(buffer);
  try {
    return z.parse(Owner, JSON.parse(new TextDecoder().decode(buffer.subarray(0, read ?? 0))));
  } catch {
    return undefined;
  }
}
