/**
 * `kvmmanager-agent privileged`: performs one operation that needs root.
 *
 * The agent sends the request on standard input and reads the answer from standard output; both are
 * the same socket if the service manager has started this.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { printError } from "../lib/base/terminal.ts";
import { serveBroker } from "../lib/platform/linux/privileged/broker.ts";
import { OPERATIONS } from "../lib/privileged/operations.ts";
import { EXIT } from "./exit.ts";

/** `self` is from the launcher; `directory` and `hooks` are for tests. */
const OPTIONS = ["config", "peer", "self", "directory", "hooks"] as const;

/**
 * Serves one request.
 *
 * @returns The exit status.
 * @throws {UsageError}
 */
export async function privileged(args: readonly string[]): Promise<number> {
  const parsed = parseArgs(args, {
    string: [...OPTIONS, "_"],
    collect: [...OPTIONS],
    unknown: refuseUnknown,
  });
  const [surplus] = parsed._;
  if (surplus !== undefined) throw new UsageError(`unexpected argument "${surplus}"; see --help`);
  await serveBroker({
    read: (buffer) => Deno.stdin.read(buffer),
    write: (bytes) => Deno.stdout.write(bytes),
  }, {
    configFile: single(parsed.config, "config"),
    peer: single(parsed.peer, "peer"),
    directory: single(parsed.directory, "directory"),
    hookDirectory: single(parsed.hooks, "hooks"),
    operations: OPERATIONS,
    // The service manager's journal, which only root can change.
    record: printError,
  });
  return EXIT.ok;
}
