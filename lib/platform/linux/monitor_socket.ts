/**
 * The command monitor's unix socket: made where nobody can reach it, given its mode and group, and
 * renamed into place. At no time can more be done with it than `pipe_mode` says.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import { groupNumber } from "./groups.ts";
import { runScript } from "./shell.ts";
import {
  acceptUnlessClosed,
  findStale,
  LEADS_THROUGH_LINK,
  ListenError,
  reasonOf,
} from "./unix_socket.ts";
import type { CommandListener } from "../../monitor/listener.ts";
import { privateDirectoryOf, unfinishedSocketOf } from "./monitor_socket_path.ts";

/** How the socket is made: keys of `command_monitor`. */
export interface SocketOptions {
  /** Absolute. */
  readonly pipe_path: string;
  /** Octal digits. */
  readonly pipe_mode: string;
  /** Name or number; `null` leaves the agent's own. */
  readonly pipe_group: string | null;
}

const SCRIPT_TIMEOUT_MS = 10_000;
const DONE = "done";
const PRIVATE_MODE = 0o700;

/**
 * $1 the directory to make, $2 its mode, $3 its group or empty. By the shell, since Deno would have
 * to be granted everything below the directory for it.
 */
const MAKE_DIRECTORY = `
exec 2>&1
mkdir -m 0700 -- "$1" || exit
if { [ -n "$3" ] && ! chgrp -- "$3" "$1"; } || ! chmod -- "$2" "$1"; then
  rmdir -- "$1"
  exit
fi
echo ${DONE}
`;

/**
 * Makes the socket, and the last directory of its path where that is missing. A socket that nobody
 * serves any more is replaced in one step.
 *
 * @throws {ListenError} when somebody serves it, or it cannot be made.
 */
export async function listenOnSocket(options: SocketOptions): Promise<CommandListener> {
  const path = options.pipe_path;
  await findStale(path);
  try {
    const group = options.pipe_group === null ? null : await groupNumber(options.pipe_group);
    await makePrivateDirectory(options, group);
    try {
      return make(options, group);
    } finally {
      removeQuietly(privateDirectoryOf(path));
    }
  } catch (error) {
    throw new ListenError(`cannot make the socket ${path}: ${reasonOf(error, path)}`);
  }
}

/** Synchronous: a few system calls, where the other form would keep threads for them. */
function make(
  { pipe_path: path, pipe_mode: mode }: SocketOptions,
  group: number | null,
): CommandListener {
  const unfinished = unfinishedSocketOf(path);
  refuseLinks(privateDirectoryOf(path));
  const listener = Deno.listen({ transport: "unix", path: unfinished });
  try {
    if (group !== null) Deno.chownSync(unfinished, null, group);
    Deno.chmodSync(unfinished, parseInt(mode, 8));
    const { ino, dev } = Deno.lstatSync(unfinished);
    Deno.renameSync(unfinished, path);
    return fromListener(listener, path, { ino, dev });
  } catch (error) {
    listener.close();
    throw error;
  }
}

async function makePrivateDirectory(options: SocketOptions, group: number | null): Promise<void> {
  const directory = privateDirectoryOf(options.pipe_path);
  if (tryToMake(directory)) return;
  await makeDirectory(options, group);
  if (!tryToMake(directory)) throw new Error(`${directory} cannot be made`);
}

/** Makes the private directory; says whether the one it belongs into was there. */
function tryToMake(directory: string): boolean {
  const makeIt = () => Deno.mkdirSync(directory, { mode: PRIVATE_MODE });
  try {
    makeIt();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  removeLeftOver(directory);
  makeIt();
  return true;
}

async function makeDirectory(
  { pipe_path, pipe_mode }: SocketOptions,
  group: number | null,
): Promise<void> {
  const said = await runScript({
    code: MAKE_DIRECTORY,
    args: [dirname(pipe_path), directoryMode(pipe_mode), String(group ?? "")],
    timeoutMs: SCRIPT_TIMEOUT_MS,
    signal: new AbortController().signal,
  });
  if (said.trim() !== DONE) throw new Error(said.trim());
}

/** Takes away what an agent that was killed has left behind, and nothing that is not our own. */
function removeLeftOver(directory: string): void {
  const { isDirectory, uid } = Deno.lstatSync(directory);
  if (!isDirectory || uid !== Deno.uid()) {
    throw new Error(`${directory} is in the way and not this agent's; remove it`);
  }
  Deno.removeSync(directory, { recursive: true });
}

function removeQuietly(directory: string): void {
  try {
    Deno.removeSync(directory, { recursive: true });
  } catch {
    // It is taken away when the socket is made the next time.
  }
}

function refuseLinks(directory: string): void {
  const realPath = Deno.realPathSync(directory);
  if (realPath === directory) return;
  throw new Error(`${LEADS_THROUGH_LINK}; the directory is ${dirname(realPath)}`);
}

/** Who may connect may pass through the directory; only the owner may change what is in it. */
export function directoryMode(socketMode: string): string {
  const [, group = 0, others = 0] = socketMode.slice(-3).split("").map(Number);
  const passage = (bits: number) => (bits & 0o2) === 0 ? 0 : 0o5;
  return `07${passage(group)}${passage(others)}`;
}

interface Identity {
  readonly ino: number | null;
  readonly dev: number;
}

function fromListener(
  listener: Deno.UnixListener,
  path: string,
  { ino, dev }: Identity,
): CommandListener {
  const isOurs = (info: Deno.FileInfo) => info.ino === ino && info.dev === dev;
  return {
    path,
    accept: () => acceptUnlessClosed(listener),
    isInPlace: () => Deno.lstat(path).then(isOurs, () => false),
    close: () => {
      try {
        // Not somebody else's who has taken the place.
        if (isOurs(Deno.lstatSync(path))) Deno.removeSync(path);
      } catch {
        // It was removed already.
      }
      listener.close();
    },
  };
}
