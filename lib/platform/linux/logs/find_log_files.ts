/**
 * Finds the log files that a host may read.
 *
 * @module
 */

import { RpcError } from "../../../base/errors.ts";
import type { Files } from "../../../guest/files.ts";
import type { LogFile, LogFiles } from "../../../guest/logs.ts";
import { isInside } from "../../../policy/paths.ts";

/** Where every file is a log. */
const LOG_DIRECTORY = "/var/log";
/** How many directories deep logs are searched, and how many directories in all. */
const MAX_DEPTH = 3;
const MAX_DIRECTORIES = 100;
const MAX_ENTRIES = 1000;
/** systemd's journal is binary: it is read by unit. */
const JOURNAL_DIRECTORY = `${LOG_DIRECTORY}/journal`;

/** What to search. */
export interface SearchOptions {
  /** The allowed paths. */
  readonly roots: readonly string[];
  /** The maximum number of files. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

/**
 * Every regular file below /var/log, and every `*.log` below other allowed paths, in order of their
 * paths. Directories that the agent's user may not list are left out.
 */
export async function findLogFiles(
  files: Pick<Files, "list" | "status">,
  { roots, limit, signal }: SearchOptions,
): Promise<LogFiles> {
  const found = new Map<string, LogFile>();
  let isPartial = false;
  let directories = 0;
  // An allowed path that is above the logs is searched where they are.
  const starts = roots.map((root) => ({
    path: isInside(LOG_DIRECTORY, root) ? LOG_DIRECTORY : root,
    root,
    depth: 1,
  }));
  for (const { path, root, depth } of starts) {
    signal.throwIfAborted();
    if (++directories > MAX_DIRECTORIES || found.size >= limit) {
      isPartial = true;
      break;
    }
    const entries = await entriesOf(files, { path, root }, signal);
    if (entries.length >= MAX_ENTRIES) isPartial = true;
    for (const { name, type, sizeBytes, modifiedAt } of entries) {
      const child = name === "" ? path : `${path === "/" ? "" : path}/${name}`;
      if (type === "directory" && depth < MAX_DEPTH && child !== JOURNAL_DIRECTORY) {
        starts.push({ path: child, root, depth: depth + 1 });
      }
      if (type === "file" && isLog(child)) found.set(child, { path: child, sizeBytes, modifiedAt });
    }
  }
  const sorted = [...found.values()].sort((a, b) => a.path < b.path ? -1 : 1);
  return { files: sorted.slice(0, limit), isPartial: isPartial || sorted.length > limit };
}

const isLog = (path: string) => isInside(path, LOG_DIRECTORY) || path.endsWith(".log");

/** The entries of a directory; a file is its own only entry, with an empty name. */
async function entriesOf(
  files: Pick<Files, "list" | "status">,
  path: { readonly path: string; readonly root: string },
  signal: AbortSignal,
) {
  try {
    const status = await files.status(path, signal);
    if (status.type !== "directory") return [{ name: "", ...status }];
    const { entries } = await files.list(path, { after: "", limit: MAX_ENTRIES, signal });
    return entries;
  } catch (error) {
    signal.throwIfAborted();
    // Missing, a link, or not for the agent's user.
    if (error instanceof RpcError || error instanceof Deno.errors.NotFound) return [];
    if (error instanceof Deno.errors.PermissionDenied) return [];
    throw error;
  }
}
