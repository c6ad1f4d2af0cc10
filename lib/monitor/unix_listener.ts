/**
 * The command monitor's unix socket: made where nobody can reach it, given its mode and group, and
 * renamed into place. At no time can more be done with it than `pipe_mode` says.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import { messageOf } from "../message_of.ts";
import { runScript } from "../system/linux/shell.ts";
import { acceptUnlessClosed, findStale, ListenError, reasonOf } from "../unix_socket.ts";
import type { CommandListener } from "./listener.ts";
import { privateDirectoryOf, unfinishedSocketOf } from "../policy/socket_path.ts";

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

/**
 * $1 the socket's directory, $2 the mode to make it with, $3 its group or empty, $4 the private
 * directory. A private directory that is left over is taken away if it is ours.
 */
const MAKE_DIRECTORIES = `
exec 2>&1
if [ -L "$1" ]; then
  echo "$1 is a symbolic link, which is never followed: write the directory it leads to"
  exit
fi
if [ ! -d "$1" ]; then
  mkdir -m 0700 -- "$1" || exit
  if { [ -n "$3" ] && ! chgrp -- "$3" "$1"; } || ! chmod -- "$2" "$1"; then
    rmdir -- "$1"
    exit
  fi
fi
if [ -d "$4" ] && [ ! -L "$4" ] && [ -O "$4" ]; then
  rm -f -- "$4/s"
  rmdir -- "$4" || exit
fi
mkdir -m 0700 -- "$4" && echo ${DONE}
`;

/** $1 the socket, $2 its group or empty, $3 its mode. */
const SET_ACCESS = `
exec 2>&1
[ -z "$2" ] || chgrp -- "$2" "$1" || exit
chmod -- "$3" "$1" && echo ${DONE}
`;

/**
 * Makes the socket, and the last directory of its path where that is missing. A socket that nobody
 * serves any more is replaced in one step.
 *
 * @throws {ListenError} when somebody serves it, or it cannot be made.
 */
export async function listenOnSocket(options: SocketOptions): Promise<CommandListener> {
  const { pipe_path: path, pipe_mode: mode, pipe_group: group } = options;
  await findStale(path);
  const unfinished = unfinishedSocketOf(path);
  const privateDirectory = privateDirectoryOf(path);
  await run(MAKE_DIRECTORIES, path, [
    dirname(path),
    directoryMode(mode),
    group ?? "",
    privateDirectory,
  ]);
  let listener: Deno.UnixListener | undefined;
  try {
    listener = Deno.listen({ transport: "unix", path: unfinished });
    await run(SET_ACCESS, path, [unfinished, group ?? "", mode]);
    const { ino, dev } = await Deno.lstat(unfinished);
    await Deno.rename(unfinished, path);
    return fromListener(listener, path, { ino, dev });
  } catch (error) {
    listener?.close();
    if (error instanceof ListenError) throw error;
    throw new ListenError(`cannot make the socket ${path}: ${reasonOf(error)}`);
  } finally {
    // What stays behind is taken away when the socket is made the next time.
    await Deno.remove(privateDirectory, { recursive: true }).catch(() => {});
  }
}

/** Who may connect may pass through the directory; only the owner may change what is in it. */
export function directoryMode(socketMode: string): string {
  const [, group = 0, others = 0] = socketMode.slice(-3).split("").map(Number);
  const passage = (bits: number) => (bits & 0o2) === 0 ? 0 : 0o5;
  return `07${passage(group)}${passage(others)}`;
}

async function run(code: string, path: string, args: readonly string[]): Promise<void> {
  let said: string;
  try {
    const signal = new AbortController().signal;
    said = (await runScript({ code, args, timeoutMs: SCRIPT_TIMEOUT_MS, signal })).trim();
  } catch (error) {
    throw new ListenError(`cannot make the socket ${path}: ${messageOf(error)}`);
  }
  if (said !== DONE) throw new ListenError(`cannot make the socket ${path}: ${said}`);
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
