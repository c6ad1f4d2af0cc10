/**
 * Making files and directories inside an allowed path without following a link.
 *
 * A shell walks to the directory (`walk.ts`) and makes everything by names without a slash. It stays
 * until the new file is complete, and then renames it or, when the agent gave up or died, removes
 * it.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path/posix";
import type { RpcError } from "../../../base/errors.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import { routeTo, spawnWalk, WALK, WALK_STATUS, walkFailure } from "./walk.ts";

/** Exit statuses of the script below. */
const STATUS = { ...WALK_STATUS, exists: 75 } as const;

/**
 * $1 where the walk begins, $2 umask, $3 mode to set at the end or empty, $4 "1" to make
 * directories, $5 "1" to clear away a left-over first, $6 the file to make, $7 its final name, $8
 * "replace" to give it that name once it is complete, "create" to do so at once and only where
 * nothing has it; the rest: the directories to walk through.
 *
 * The file is made under a name that nobody can guess, never under the final one: opening what
 * somebody has put there, a FIFO, would wait for ever.
 */
const SCRIPT = `${WALK}
mask=$2 mode=$3 directories=$4 clear=$5 new=$6 final=$7 how=$8
umask 022
begin "$1"
shift 8
walk "$directories" "$@"
[ "$clear" = 1 ] && rm -f -- "./$new"
umask "$mask"
set -C
command exec 3> "./$new" || exit ${STATUS.failed}
set_mode() { [ -z "$mode" ] || chmod -- "$mode" /proc/self/fd/3; }
status=${STATUS.failed}
if [ "$how" = create ]; then
  set_mode && ln -T -- "./$new" "./$final" && status=0
  [ $status = 0 ] || [ ! -e "./$final" ] && [ ! -L "./$final" ] || status=${STATUS.exists}
else
  echo ready
  if read -r word && [ "$word" = commit ] && set_mode; then
    mv -f -T -- "./$new" "./$final" && exit
  fi
fi
rm -f -- "./$new"
exit $status
`;

const OWNER_WRITE = 0o200;
const EXECUTE_BITS = 0o111;
const ALL_BITS = 0o777;
const PRIVATE_UMASK = 0o077;

/** What a file is made with. */
export interface NewFileOptions {
  /** Permission bits, up to 0777. */
  readonly mode: number;
  /** Whether missing directories are made, from the allowed path's own on downwards (0755). */
  readonly createDirectories: boolean;
}

/**
 * The name beside an allowed path that is itself a file, under which its new content is written:
 * the confinement lets nothing else in that directory be written.
 */
export const siblingOf = (root: string): string => root === "/" ? root : `${root}.kvmmanager-new`;

/** A file on its way to replace, or become, the one at a path. */
export class NewFile implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  #isOver = false;

  private constructor(
    /** Where its content is to be written. */
    readonly temporary: AllowedPath,
    child: Deno.ChildProcess,
  ) {
    this.#child = child;
    this.#stdin = child.stdin.getWriter();
  }

  /**
   * Makes an empty file beside the one that it is to replace.
   *
   * @throws {RpcError} -32001 where a link is in the way or the guest refuses, -32002 for a missing
   * directory, -32000 when it cannot be made.
   */
  static async beside(target: AllowedPath, options: NewFileOptions): Promise<NewFile> {
    const temporary = temporaryFor(target);
    const child = spawn(target, temporary, "replace", options);
    const file = new NewFile(temporary, child);
    try {
      await file.#ready(target.path);
      return file;
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #ready(path: string): Promise<void> {
    const reader = this.#child.stdout.getReader();
    const { done } = await reader.read();
    await reader.cancel();
    if (done) throw await failure(this.#child, path);
  }

  /**
   * Gives the file its final name, replacing what has it.
   *
   * @throws {RpcError} -32000 when that fails; the old file is as it was then.
   */
  async commit(path: string): Promise<void> {
    this.#isOver = true;
    await this.#stdin.write(new TextEncoder().encode("commit\n"));
    await this.#stdin.close();
    const { success } = await this.#child.status;
    if (!success) throw await failure(this.#child, path);
    await this.#child.stderr.cancel();
  }

  /** Removes the file unless it was committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#stdin.close().catch(() => {});
    await this.#child.status;
    await this.#child.stderr.cancel().catch(() => {});
  }
}

/**
 * Makes an empty file under its own name. One that exists already is no error and is left alone.
 *
 * @throws {RpcError} as {@link NewFile.beside}.
 */
export async function createEmpty(target: AllowedPath, options: NewFileOptions): Promise<void> {
  const child = spawn(target, temporaryFor(target), "create", options);
  await child.stdin.close();
  await child.stdout.cancel();
  const { success, code } = await child.status;
  if (!success && code !== STATUS.exists) throw await failure(child, target.path);
  await child.stderr.cancel();
}

/** Where a file is written before it gets its name: beside it. */
function temporaryFor({ path, root }: AllowedPath): AllowedPath {
  if (path === root) return { path: siblingOf(root), root: siblingOf(root) };
  return { path: join(dirname(path), `.kvmmanager-${crypto.randomUUID()}`), root };
}

function spawn(
  { path, root }: AllowedPath,
  temporary: AllowedPath,
  how: "replace" | "create",
  { mode, createDirectories }: NewFileOptions,
): Deno.ChildProcess {
  // Modes that a umask cannot give, or that would keep us from writing, are set at the end.
  const isLate = (mode & EXECUTE_BITS) !== 0 || (mode & OWNER_WRITE) === 0;
  const umask = isLate ? PRIVATE_UMASK : ALL_BITS & ~mode;
  const { start, names } = routeTo(dirname(path), root);
  const args = [
    start,
    umask.toString(8),
    isLate ? mode.toString(8) : "",
    createDirectories ? "1" : "0",
    // A name that is always the same may have been left behind.
    path === root ? "1" : "0",
    basename(temporary.path),
    basename(path),
    how,
    ...names,
  ];
  return spawnWalk({ code: SCRIPT, args, start, target: { path, root } });
}

const failure = (child: Deno.ChildProcess, path: string): Promise<RpcError> =>
  walkFailure(child, path, "made", "; create_dirs makes it");
