/**
 * Listing a directory by a path in which nothing is a symbolic link, in bounded memory.
 *
 * `Deno.readDir` reads the whole directory before it gives out the first entry: 12 MB for 200,000
 * files. So find(1) prints the names into a pipe, of which only the page asked for is kept, and
 * stat(1) describes those. Both run in a shell that has walked to the directory (`walk.ts`).
 *
 * @module
 */

import { Aborted } from "../../../base/waiting.ts";
import { commandFailed } from "../../../base/errors.ts";
import { signalGroup } from "../processes/process_group.ts";
import { NulReader } from "../processes/nul_reader.ts";
import { type DirectoryEntry, entryType, permissionText } from "./file_type.ts";
import { FirstNames, NAME_PREFIX } from "./name_page.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import { routeTo, spawnWalk, WALK, walkFailure } from "./walk.ts";

/**
 * $1 where the walk begins; the rest: the names to walk through. Prints each name and a NUL, then
 * an empty name; reads the names to describe, each with a NUL, and prints a line for each. A name
 * has no slash, so a line's end and a slash end nothing but a line.
 */
const SCRIPT = `${WALK}
begin "$1"
shift
walk 0 "$@"
find . -mindepth 1 -maxdepth 1 -print0 && printf '\\0' || exit 1
exec xargs -0 -r stat -c '/%f %s %Y %n' -- 2> /dev/null
`;
/** Status of xargs(1) where some of what it ran failed: entries that are gone by now. */
const SOME_GONE = 123;

/** A page of a directory. */
export interface DirectoryPage {
  /** In the order of their names (UTF-16 units). */
  readonly entries: readonly DirectoryEntry[];
  /** The last name of the page, also if that entry was gone when it was to be described. */
  readonly last: string | undefined;
  /** How many names come after the last of the page. */
  readonly following: number;
  /** How many names of the whole directory are not UTF-8: no request can name them. */
  readonly notUtf8: number;
}

/** Which part of a directory is wanted. */
export interface PageOptions {
  /** Only names after this one. */
  readonly after: string;
  /** How many entries at most. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

/**
 * Lists a part of a directory.
 *
 * @throws {RpcError} -32001 where a link is in the way, -32002 where it does not exist, -32000 for
 * what is no directory.
 */
export async function listDirectory(
  target: AllowedPath,
  { after, limit, signal }: PageOptions,
): Promise<DirectoryPage> {
  signal.throwIfAborted();
  const { start, names } = routeTo(target.path, target.root);
  const child = spawnWalk({ code: SCRIPT, args: [start, ...names], start, target });
  const aborted = new Aborted(signal);
  using _aborted = aborted;
  // Where a file system hangs, the reading below would wait as long as it does.
  void aborted.happened.then(() => signalGroup(child, "SIGKILL"));
  const reader = new NulReader(child.stdout);
  try {
    const page = new FirstNames(after, limit);
    const isComplete = await page.read(reader);
    signal.throwIfAborted();
    if (!isComplete) throw await walkFailure(child, target.path, "listed");
    const entries = await describe(child, reader, page.names);
    signal.throwIfAborted();
    const { code } = await child.status;
    if (code !== 0 && code !== SOME_GONE) {
      throw commandFailed(`${target.path} cannot be listed: status ${code}`, { path: target.path });
    }
    await child.stderr.cancel();
    return { entries, last: page.names.at(-1), following: page.left, notUtf8: page.notUtf8 };
  } catch (error) {
    await giveUp(child, reader);
    throw signal.aborted ? signal.reason : error;
  }
}

/** Lets go of the pipes, at which the script ends. */
async function giveUp(child: Deno.ChildProcess, reader: NulReader): Promise<void> {
  await Promise.allSettled([reader.cancel(), child.stdin.abort(), child.stderr.cancel()]);
}

/** Descriptions of the names, without those that are gone by now. */
async function describe(
  child: Deno.ChildProcess,
  reader: NulReader,
  names: readonly string[],
): Promise<DirectoryEntry[]> {
  const asked = new Blob(names.map((name) => `${NAME_PREFIX}${name}\0`));
  const feeding = asked.stream().pipeTo(child.stdin);
  const text = await reader.rest();
  await feeding;
  return text === "" ? [] : text.replace(/^\//, "").replace(/\n$/, "").split("\n/").map(parseEntry);
}

function parseEntry(line: string): DirectoryEntry {
  const [mode = "", size = "", time = ""] = line.split(" ", 3);
  const name = line.slice(`${mode} ${size} ${time} ${NAME_PREFIX}`.length);
  const bits = Number.parseInt(mode, 16);
  return {
    name,
    type: entryType(bits),
    sizeBytes: Number(size),
    permissions: permissionText(bits),
    modifiedAt: Number(time),
  };
}
