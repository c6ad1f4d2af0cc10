/**
 * The directory in which the agent keeps what outlives its process.
 *
 * @module
 */

import { messageOf } from "../../../base/message_of.ts";
import { type Config, overlapsAny } from "../../../config/schema.ts";
import { POSIX_PATHS } from "../../../policy/paths.ts";
import type { OpenState } from "../../platform.ts";
import type { Log } from "../../../log/logger.ts";
import { DiskFolder } from "./disk_folder.ts";
import { memoryState } from "../../state/memory_state.ts";
import { OpenReaders } from "./open_readers.ts";

const DIRECTORY_MODE = 0o700;
const LOCK_MODE = 0o600;
const PERMISSION_BITS = 0o777;

/**
 * Opens the state directory, for this agent alone. If the configuration names none, or if it cannot
 * be used, which is logged, the state is in memory.
 */
export function openState(
  { state_directory: path, security }: Pick<Config, "state_directory" | "security">,
  log: Log,
): OpenState {
  if (path === null) return memoryState();
  try {
    if (overlapsAny(path, security.allowed_write_paths, POSIX_PATHS)) {
      throw new Error("file_write could change it: security.allowed_write_paths allows that");
    }
    const lock = prepare(path);
    const readers = new OpenReaders();
    return {
      isPersistent: true,
      capacityBytes: Infinity,
      root: new DiskFolder(path, { uid: ownUid(), readers }),
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

const ownUid = () => Deno.uid() ?? 0;

/**
 * Creates the directory or checks the one that is there, and locks it.
 *
 * Synchronous: it happens once, before anything is served, and takes less than a millisecond.
 *
 * @throws {Error} that says why it cannot be used.
 */
function prepare(path: string): Deno.FsFile {
  Deno.mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
  const { isDirectory, uid, mode } = Deno.lstatSync(path);
  if (!isDirectory) throw new Error("it is not a directory");
  refuseForeign("it", uid);
  if (((mode ?? 0) & PERMISSION_BITS) !== DIRECTORY_MODE) Deno.chmodSync(path, DIRECTORY_MODE);
  return lockFile(`${path}/lock`);
}

function lockFile(path: string): Deno.FsFile {
  try {
    const { isFile, uid } = Deno.lstatSync(path);
    if (!isFile) throw new Error("its file named lock is not a regular file");
    refuseForeign("its file named lock", uid);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const file = Deno.openSync(path, { write: true, create: true, mode: LOCK_MODE });
  if (file.tryLockSync(true)) return file;
  file.close();
  throw new Error("another agent is using it");
}

function refuseForeign(what: string, uid: number | null): void {
  if (uid !== ownUid()) {
    throw new Error(`${what} belongs to user ${uid}, not to the agent's user ${ownUid()}`);
  }
}
