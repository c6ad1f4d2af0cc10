/**
 * State on disk: a directory that one agent uses.
 *
 * @module
 */

import { messageOf } from "../../base/message_of.ts";
import { type Config, overlapsAny } from "../../config/schema.ts";
import type { Log } from "../../log/logger.ts";
import type { PathRules } from "../../policy/paths.ts";
import type { OpenState } from "../platform.ts";
import { DiskFolder } from "./disk_folder.ts";
import { memoryState } from "./memory_state.ts";
import { OpenReaders } from "./open_readers.ts";

const LOCK_MODE = 0o600;

/** What differs between systems. */
export interface DiskStateOptions {
  readonly paths: PathRules;
  /** The agent's user: what belongs to others is left alone. `null` where files have no such number. */
  readonly uid: number | null;
  /**
   * Creates the directory or checks the one that is there.
   *
   * Synchronous: it happens once, before anything is served, and takes less than a millisecond.
   *
   * @throws {Error} that says why it cannot be used.
   */
  prepare(path: string): void;
}

/**
 * Opens the state directory, for this agent alone. If the configuration names none, or if it cannot
 * be used, which is logged, the state is in memory.
 */
export function openDiskState(
  { state_directory: path, security }: Pick<Config, "state_directory" | "security">,
  { paths, uid, prepare }: DiskStateOptions,
  log: Log,
): OpenState {
  if (path === null) return memoryState();
  try {
    if (overlapsAny(path, security.allowed_write_paths, paths)) {
      throw new Error("file_write could change it: security.allowed_write_paths allows that");
    }
    prepare(path);
    const lock = lockFile(`${path}/lock`, uid);
    const readers = new OpenReaders();
    return {
      isPersistent: true,
      capacityBytes: Infinity,
      root: new DiskFolder(path, { uid, readers }),
      close: () => {
        readers.closeAll();
        lock.close();
      },
    };
  } catch (error) {
    log.warn("the state directory cannot be used; jobs and events are kept in memory only", {
      state_directory: path,
      error: messageOf(error),
    });
    return memoryState();
  }
}

function lockFile(path: string, own: number | null): Deno.FsFile {
  try {
    const { isFile, uid } = Deno.lstatSync(path);
    if (!isFile) throw new Error("its file named lock is not a regular file");
    refuseForeign("its file named lock", uid, own);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const file = Deno.openSync(path, { write: true, create: true, mode: LOCK_MODE });
  if (file.tryLockSync(true)) return file;
  file.close();
  throw new Error("another agent is using it");
}

/** @throws {Error} for what belongs to another user than the agent's. */
export function refuseForeign(what: string, uid: number | null, own: number | null): void {
  if (uid !== own) {
    throw new Error(`${what} belongs to user ${uid}, not to the agent's user ${own}`);
  }
}
