/**
 * Lists a directory whose path contains no symbolic link, in bounded memory.
 *
 * `Deno.readDir` reads the whole directory before it returns the first entry: 12 MB for 200,000
 * files. So find(1) prints the names into a pipe, only the requested page is kept, and stat(1)
 * describes its entries. Both run in a shell that has walked to the directory (`walk.ts`).
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { countChild, countListed } from "../../../base/memory/garbage.ts";
import { Slots } from "../../../base/slots.ts";
import { Aborted } from "../../../base/waiting.ts";
import type { DirectoryEntry, DirectoryPage, PageOptions } from "../../../guest/files.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import { NamePage } from "../../name_page.ts";
import { NulReader } from "../processes/nul_reader.ts";
import { signalGroup } from "../processes/process_group.ts";
import { scriptArgs } from "../programs.ts";
import { spawnShell } from "../shell_child.ts";
import { fileType, permissionBits } from "./file_type.ts";
import { NAME_PREFIX, readNames } from "./read_names.ts";
import { routeTo, WALK, walkFailure } from "./walk.ts";

/**
 * $1: where the walk starts; the rest: the names to walk through. Prints each name and a NUL, then
 * an empty name; reads the names to describe, each with a NUL, and prints a line for each. A name
 * has no slash, so a newline followed by a slash can only end a line.
 */
const SCRIPT = `${WALK}
begin "$1" || exit
shift
walk 0 "$@" || exit
find . -mindepth 1 -maxdepth 1 -print0 && printf '\\0' || exit 1
exec xargs -0 -r stat -c '/%f %s %Y %n' -- 2> /dev/null
`;
/** Status of xargs(1) if some of what it ran failed: entries that have vanished. */
const SOME_GONE = 123;
/** A page of 1,000 entries takes half a megabyte until it is answered. */
const listings = new Slots(3);

/**
 * Lists a part of a directory.
 *
 * @throws {RpcError} -32001 if the path contains a link, -32002 if it does not exist, -32000 if it
 * is not a directory.
 */
export async function listDirectory(
  target: AllowedPath,
  options: PageOptions,
): Promise<DirectoryPage> {
  await listings.take(options.signal);
  try {
    return await list(target, options);
  } finally {
    listings.give();
  }
}

async function list(
  target: AllowedPath,
  { after, limit, signal }: PageOptions,
): Promise<DirectoryPage> {
  const child = spawn(target);
  const aborted = new Aborted(signal);
  using _aborted = aborted;
  // If a file system hangs, reading the pipe would wait for it.
  void aborted.happened.then(() => signalGroup(child, "SIGKILL"));
  const reader = new NulReader(child.stdout);
  try {
    const page = new NamePage<string>(after, limit, (name) => name);
    const isComplete = await readNames(reader, page);
    signal.throwIfAborted();
    if (!isComplete) {
      const [{ code }, text] = await Promise.all([child.status, new Response(child.stderr).text()]);
      throw walkFailure(target, { status: code, text, action: "listed" });
    }
    countListed(page.entries.length);
    const entries = await describe(child, reader, page.entries);
    signal.throwIfAborted();
    const { code } = await child.status;
    if (code !== 0 && code !== SOME_GONE) {
      throw commandFailed(`${target.path} cannot be listed: status ${code}`, { path: target.path });
    }
    await child.stderr.cancel();
    return { entries, last: page.entries.at(-1), following: page.following, notUtf8: page.notUtf8 };
  } catch (error) {
    await Promise.allSettled([reader.cancel(), child.stdin.abort(), child.stderr.cancel()]);
    throw signal.aborted ? signal.reason : error;
  }
}

function spawn({ path, root }: AllowedPath): Deno.ChildProcess {
  countChild();
  const { start, names } = routeTo(path, root);
  return spawnShell(scriptArgs(SCRIPT, start, ...names), { stderr: "piped" });
}

/** Describes the names; those that have vanished are left out. */
async function describe(
  child: Deno.ChildProcess,
  reader: NulReader,
  names: readonly string[],
): Promise<DirectoryEntry[]> {
  const feeding = send(child, names.map((name) => `${NAME_PREFIX}${name}\0`).join(""));
  // A shell that is killed breaks the pipe before anybody waits for it.
  feeding.catch(() => {});
  const text = await reader.rest();
  await feeding;
  return text === "" ? [] : text.replace(/^\//, "").replace(/\n$/, "").split("\n/").map(parseEntry);
}

/** Sends a text in one piece. Not as a Blob, whose parts the runtime keeps until it collects garbage. */
async function send(child: Deno.ChildProcess, text: string): Promise<void> {
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
}

function parseEntry(line: string): DirectoryEntry {
  const [mode = "", size = "", time = ""] = line.split(" ", 3);
  const bits = Number.parseInt(mode, 16);
  return {
    name: line.slice(`${mode} ${size} ${time} ${NAME_PREFIX}`.length),
    type: fileType(bits),
    sizeBytes: Number(size),
    mode: permissionBits(bits),
    modifiedAt: Number(time),
  };
}
