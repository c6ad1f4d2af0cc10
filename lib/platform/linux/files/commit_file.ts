/**
 * Giving a file that has been written in pieces its final name.
 *
 * @module
 */

import { basename, dirname } from "@std/path/posix";
import { Aborted } from "../../../base/waiting.ts";
import { signalGroup } from "../processes/process_group.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import { routeTo, spawnWalk, WALK, WALK_STATUS, walkFailure } from "./walk.ts";

/**
 * $1 where the walk begins, $2 device and inode of the file, $3 its permissions, $4 its name, $5 its
 * final name; the rest: the names to walk through.
 *
 * The file is held open, so that what is checked, given its permissions and renamed is one file.
 */
const SCRIPT = `${WALK}
identity=$2 mode=$3 from=$4 final=$5
begin "$1"
shift 5
walk 0 "$@"
[ -f "./$from" ] && [ ! -L "./$from" ] || exit ${WALK_STATUS.link}
command exec 3< "./$from" || exit ${WALK_STATUS.failed}
[ "$(stat -L -c %d:%i /proc/self/fd/3)" = "$identity" ] || exit ${WALK_STATUS.link}
chmod -- "$mode" /proc/self/fd/3 && mv -f -T -- "./$from" "./$final" || exit ${WALK_STATUS.failed}
`;

/** What a file becomes. */
export interface CommitOptions {
  /** The file's name in the directory of the target. */
  readonly from: string;
  /** The file as it was opened and checked. */
  readonly info: Deno.FileInfo;
  /** Permission bits, up to 0777. */
  readonly mode: number;
  readonly signal: AbortSignal;
}

/**
 * Renames a file within its directory, over what has the name.
 *
 * @throws {RpcError} -32001 where a link is in the way or another file has taken its place, -32000
 * when it cannot be renamed; what had the name is as it was then.
 */
export async function commitFile(
  target: AllowedPath,
  { from, info, mode, signal }: CommitOptions,
): Promise<void> {
  signal.throwIfAborted();
  const { start, names } = routeTo(dirname(target.path), target.root);
  const child = spawnWalk({
    code: SCRIPT,
    args: [
      start,
      `${info.dev}:${info.ino}`,
      mode.toString(8),
      basename(from),
      basename(target.path),
      ...names,
    ],
    start,
    target,
  });
  const aborted = new Aborted(signal);
  using _aborted = aborted;
  void aborted.happened.then(() => signalGroup(child, "SIGKILL"));
  await Promise.all([child.stdin.close(), child.stdout.cancel()]);
  const { success } = await child.status;
  if (success) return await child.stderr.cancel();
  if (!signal.aborted) throw await walkFailure(child, target.path, "put in place");
  await child.stderr.cancel();
  throw signal.reason;
}
