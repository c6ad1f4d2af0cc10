/**
 * The command monitor's unix socket: created where only the agent can reach it, given its mode and
 * group, and linked into place. It never allows more than `pipe_mode` and never overwrites another
 * process's file.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import { groupNumber } from "./groups.ts";
import { runScript } from "./shell.ts";
import { ListenError } from "../../channel/channel.ts";
import {
  acceptUnlessClosed,
  findStale,
  LEADS_THROUGH_LINK,
  socketErrorReason,
} from "./unix_socket.ts";
import type { CommandListener } from "../../monitor/listener.ts";

/** How the socket is created: keys of `command_monitor`. */
export interface SocketOptions {
  /** Absolute. */
  readonly pipe_path: string;
  /** An octal mode. */
  readonly pipe_mode: string;
  /** Name or number; `null` and "-1" keep the agent's own group. */
  readonly pipe_group: string | null;
}

const SCRIPT_TIMEOUT_MS = 10_000;
const DONE = "done";
const PRIVATE_MODE = 0o700;

/**
 * $1 the directory to create, $2 its mode, $3 its group or empty. Done in the shell, since Deno
 * would need a permission for everything below the directory.
 */
const CREATE_DIRECTORY = `
exec 2>&1
mkdir -m 0700 -- "$1" || exit
if { [ -n "$3" ] && ! chgrp -- "$3" "$1"; } || ! chmod -- "$2" "$1"; then
  rmdir -- "$1"
  exit
fi
echo ${DONE}
`;

/** Google's configuration uses it for "no change". */
const NO_GROUP = "-1";

/**
 * A private directory next to the socket, in which a file can get its mode and group while nobody
 * else can reach it. The schema reserves room for both suffixes in a socket's path.
 */
export const privateDirectoryOf = (pipePath: string): string => `${pipePath}.new`;

/** The path under which the socket is created. */
export const unfinishedSocketOf = (pipePath: string): string => `${privateDirectoryOf(pipePath)}/s`;

/**
 * Creates the socket, and the last directory of its path if that is missing. A socket that no
 * process serves any more is removed first.
 *
 * @throws {ListenError} if another process serves it, or it cannot be created.
 */
export async function listenOnSocket(options: SocketOptions): Promise<CommandListener> {
  const path = options.pipe_path;
  const stale = await findStale(path);
  try {
    const { pipe_group } = options;
    const group = pipe_group === null || pipe_group === NO_GROUP
      ? null
      : await groupNumber(pipe_group);
    await createPrivateDirectory(options, group);
    try {
      return createSocket(options, group, stale);
    } finally {
      removeQuietly(privateDirectoryOf(path));
    }
  } catch (error) {
    // Another file has appeared there meanwhile: this says which kind.
    if (error instanceof Deno.errors.AlreadyExists) await findStale(path);
    const reason = socketErrorReason(error, path, unfinishedSocketOf(path));
    throw new ListenError(`cannot create the socket ${path}: ${reason}`);
  }
}

/** Synchronous: a few system calls, for which asynchronous ones would keep threads. */
function createSocket(
  { pipe_path: path, pipe_mode: mode }: SocketOptions,
  group: number | null,
  stale: Deno.FileInfo | undefined,
): CommandListener {
  const unfinished = unfinishedSocketOf(path);
  refuseLinks(privateDirectoryOf(path));
  const listener = Deno.listen({ transport: "unix", path: unfinished });
  try {
    if (group !== null) Deno.chownSync(unfinished, null, group);
    Deno.chmodSync(unfinished, parseInt(mode, 8));
    const identity = Deno.lstatSync(unfinished);
    if (stale !== undefined) removeIfSame(path, stale);
    // Unlike a rename, this fails if the path is taken.
    Deno.linkSync(unfinished, path);
    return fromListener(listener, path, identity);
  } catch (error) {
    listener.close();
    throw error;
  }
}

async function createPrivateDirectory(options: SocketOptions, group: number | null): Promise<void> {
  const directory = privateDirectoryOf(options.pipe_path);
  if (tryToCreate(directory)) return;
  await createDirectory(options, group);
  if (!tryToCreate(directory)) throw new Error(`${directory} cannot be created`);
}

/** Creates the private directory; returns whether its parent exists. */
function tryToCreate(directory: string): boolean {
  const create = () => Deno.mkdirSync(directory, { mode: PRIVATE_MODE });
  try {
    create();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  removeLeftover(directory);
  create();
  return true;
}

async function createDirectory(
  { pipe_path, pipe_mode }: SocketOptions,
  group: number | null,
): Promise<void> {
  const said = await runScript({
    code: CREATE_DIRECTORY,
    args: [dirname(pipe_path), directoryMode(pipe_mode), String(group ?? "")],
    timeoutMs: SCRIPT_TIMEOUT_MS,
    signal: new AbortController().signal,
  });
  if (said.trim() !== DONE) throw new Error(said.trim());
}

/** Removes what a killed agent left behind, and nothing that the agent did not create. */
function removeLeftover(directory: string): void {
  const { isDirectory, uid } = Deno.lstatSync(directory);
  if (!isDirectory || uid !== Deno.uid()) {
    throw new Error(`${directory} exists and was not created by the agent; remove it`);
  }
  Deno.removeSync(directory, { recursive: true });
}

function removeQuietly(directory: string): void {
  try {
    Deno.removeSync(directory, { recursive: true });
  } catch {
    // It is removed when the socket is created next time.
  }
}

function refuseLinks(directory: string): void {
  const realPath = Deno.realPathSync(directory);
  if (realPath === directory) return;
  throw new Error(`${LEADS_THROUGH_LINK}; the directory is ${dirname(realPath)}`);
}

/** Searchable by everyone who may connect; writable only by the owner. */
export function directoryMode(socketMode: string): string {
  const [, group = 0, others = 0] = socketMode.slice(-3).split("").map(Number);
  const passage = (bits: number) => (bits & 0o2) === 0 ? 0 : 0o5;
  return `07${passage(group)}${passage(others)}`;
}

/** What distinguishes one file from another. */
type Identity = Pick<Deno.FileInfo, "ino" | "dev">;

const isSame = (a: Identity, b: Identity) => a.ino === b.ino && a.dev === b.dev;

/** Removes the file at a path if it is the one that was found there. */
function removeIfSame(path: string, found: Identity): void {
  try {
    if (isSame(Deno.lstatSync(path), found)) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function fromListener(
  listener: Deno.UnixListener,
  path: string,
  identity: Identity,
): CommandListener {
  return {
    path,
    accept: () => acceptUnlessClosed(listener),
    isInPlace: () => Deno.lstat(path).then((info) => isSame(info, identity), () => false),
    close: () => {
      try {
        // Another process may have put its own socket there.
        removeIfSame(path, identity);
      } catch {
        // The socket stays behind; the next agent removes it.
      }
      listener.close();
    },
  };
}
