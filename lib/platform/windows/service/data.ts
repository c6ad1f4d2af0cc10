/**
 * The service's directory below `%ProgramData%`.
 *
 * @module
 */

import { kernel32 } from "../ffi/kernel32.ts";
import { wide } from "../ffi/wide.ts";
import { lastError } from "../ffi/windows_error.ts";
import { windowsFolders } from "../folders.ts";
import { ownDirectory } from "./own_files.ts";

const MOVEFILE_DELAY_UNTIL_REBOOT = 0x4;
/** What the agent writes there by itself. */
const OWN_NAMES = ["agent.log", "state", "cache"] as const;
/** What the host may write, and the directory itself: removed if they are empty. */
const EMPTY_NAMES = ["\\files", ""] as const;

const directory = () => `${windowsFolders().programData}\\KVMManager`;

/**
 * Creates the directory, for the system and administrators alone, and the one in it that the host
 * may use by default.
 *
 * @returns The place for Deno's cache.
 */
export function makeDataDirectory(): string {
  const own = directory();
  ownDirectory(own);
  Deno.mkdirSync(`${own}\\files`, { recursive: true });
  return `${own}\\cache`;
}

/**
 * Removes the log, the state and the cache, and directories that are empty then. What is in use, such
 * as Deno's own name for the running deno.exe in its cache, is removed when the system starts next.
 */
export async function removeData(): Promise<void> {
  const own = directory();
  const paths = OWN_NAMES.map((name) => `${own}\\${name}`);
  for (const path of paths) await remove(path).catch(() => removeAtNextStart(path));
  for (const name of EMPTY_NAMES) {
    // Not empty: what is in it is the administrator's or the host's.
    await Deno.remove(own + name).catch(() => {});
  }
}

async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Has the system remove a file or a directory with all that is in it. */
async function removeAtNextStart(path: string): Promise<void> {
  if ((await Deno.lstat(path)).isDirectory) {
    for await (const { name } of Deno.readDir(path)) await removeAtNextStart(`${path}\\${name}`);
  }
  if (kernel32.MoveFileExW(wide(path), null, MOVEFILE_DELAY_UNTIL_REBOOT) === 0) {
    throw lastError("MoveFileExW");
  }
}
