/**
 * The directory in which the agent keeps what outlives its process.
 *
 * @module
 */

import type { Config } from "../../../config/schema.ts";
import type { Log } from "../../../log/logger.ts";
import { POSIX_PATHS } from "../../../policy/paths.ts";
import type { OpenState } from "../../platform.ts";
import { openDiskState, refuseForeign } from "../../state/disk_state.ts";

const DIRECTORY_MODE = 0o700;
const PERMISSION_BITS = 0o777;

/**
 * Opens the state directory, for this agent alone. If the configuration names none, or if it cannot
 * be used, which is logged, the state is in memory.
 */
export function openState(
  config: Pick<Config, "state_directory" | "security">,
  log: Log,
): OpenState {
  const uid = Deno.uid() ?? 0;
  const prepare = (path: string) => {
    Deno.mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
    const found = Deno.lstatSync(path);
    if (!found.isDirectory) throw new Error("it is not a directory");
    refuseForeign("it", found.uid, uid);
    if (((found.mode ?? 0) & PERMISSION_BITS) !== DIRECTORY_MODE) {
      Deno.chmodSync(path, DIRECTORY_MODE);
    }
  };
  return openDiskState(config, { paths: POSIX_PATHS, uid, prepare }, log);
}
