/**
 * The Deno permissions of the broker, which are the same for every request.
 *
 * @module
 */

import type { Operation } from "../../../privileged/operation.ts";
import { PROGRAM_DIRECTORIES } from "../programs.ts";

/** Programs of the broker itself: to read /proc, and to find out which process is the agent. */
const OWN_PROGRAMS = ["cat", "systemctl"] as const;

/** The permissions as command-line flags of `deno run`: to read, and to run what is listed. */
export function brokerFlags(operations: readonly Operation[]): string[] {
  const names = new Set([...OWN_PROGRAMS, ...operations.flatMap(({ programs }) => programs)]);
  const paths = [...names].sort().flatMap((name) =>
    PROGRAM_DIRECTORIES.map((directory) => `${directory}/${name}`)
  );
  // Reading is the least of what root may do, and the configuration can be anywhere.
  return ["--no-prompt", "--allow-read", `--allow-run=${paths.join(",")}`];
}
