/**
 * The flags that a task of the host's programs gives the runtime.
 *
 * @module
 */

import manifest from "../deno.json" with { type: "json" };

/** The runtime's flags of a task that runs a program of the host. */
export const taskFlags = (task: "ctl" | "hostd"): string[] =>
  manifest.tasks[task].command.split(" ").filter((word) => word.startsWith("--"));
