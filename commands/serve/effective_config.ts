/**
 * The configuration as an agent applies it: the file's, and what the command line changes.
 *
 * @module
 */

import type { Config } from "../../lib/config/schema.ts";
import type { Invocation } from "../usage.ts";

/**
 * The configuration in effect. An agent that speaks the QEMU guest agent's language has neither a
 * state directory nor a command monitor: it may run beside another agent that reads the same file,
 * and only one of them can use these.
 */
export function effectiveConfig(
  config: Config,
  { logLevel, dialect }: Pick<Invocation, "logLevel" | "dialect">,
): Config {
  const own = { ...config, log_level: logLevel ?? config.log_level };
  if (dialect !== "qga") return own;
  return {
    ...own,
    state_directory: null,
    command_monitor: { ...own.command_monitor, enabled: false },
  };
}
