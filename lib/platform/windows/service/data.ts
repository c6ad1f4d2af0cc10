/**
 * The service's directory below `%ProgramData%`.
 *
 * @module
 */

import { windowsFolders } from "../folders.ts";
import { ownDirectory } from "./own_files.ts";

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

/** Removes the log, the state and the cache, and directories that are empty then. */
export async function removeData(): Promise<void> {
  const own = directory();
  for (const name of OWN_NAMES) await removeIfThere(`${own}\\${name}`, { recursive: true });
  for (const name of EMPTY_NAMES) {
    // Not empty: what is in it is the administrator's or the host's.
    await removeIfThere(own + name).catch(() => {});
  }
}

async function removeIfThere(path: string, options?: Deno.RemoveOptions): Promise<void> {
  try {
    await Deno.remove(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
