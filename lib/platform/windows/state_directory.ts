/**
 * The directory in which the agent keeps what outlives its process.
 *
 * @module
 */

import type { Config } from "../../config/schema.ts";
import type { Log } from "../../log/logger.ts";
import type { OpenState } from "../platform.ts";
import { openDiskState } from "../state/disk_state.ts";
import { WINDOWS_PATHS } from "./paths.ts";

/**
 * Opens the state directory, for this agent alone. If the configuration names none, or if it cannot
 * be used, which is logged, the state is in memory.
 */
export function openState(
  config: Pick<Config, "state_directory" | "security">,
  log: Log,
): OpenState {
  const prepare = (path: string) => {
    Deno.mkdirSync(path, { recursive: true });
    // A junction is neither.
    const { isDirectory, isSymlink } = Deno.lstatSync(path);
    if (!isDirectory || isSymlink) throw new Error("it is not a directory");
  };
  return openDiskState(config, { paths: WINDOWS_PATHS, uid: null, prepare }, log);
}
