/**
 * Starting commands outside the agent's own control group.
 *
 * Under systemd the agent's process has a control group of its own, with the limits that are
 * promised for it, and commands have another beside it (install/lib/separate makes both). A child
 * is born in the group of its parent, and Deno can start none elsewhere: a shell moves itself over
 * and then becomes the command, without a fork, so that process id and exit status are the
 * command's own.
 *
 * @module
 */

import { commandFailed, invalidParams } from "../../../base/errors.ts";
import { SHELL } from "../programs.ts";
import type { RunOptions, RunResult } from "../../../guest/commands.ts";
import { runChild } from "./run_child.ts";

const EXECUTABLE_BITS = 0o111;

const STATUS = { notMoved: 125, notExecutable: 126, notFound: 127 } as const;

/**
 * `$0` tells a failure of this script from an exit of the command. An agent that has not been given
 * a group of its own (yet) leaves its children where they are.
 */
const ENTER = `trap 'echo "$0 $?" >&2' EXIT
shopt -s execfail 2>/dev/null || :
IFS=: read -r _ _ _kvmmanager_group </proc/self/cgroup
case $_kvmmanager_group in
*/agent) echo 0 >"/sys/fs/cgroup\${_kvmmanager_group%/agent}/commands/cgroup.procs" || exit ${STATUS.notMoved} ;;
esac
unset -v _kvmmanager_group $1
shift
exec "$@"`;

/** What a shell adds to the environment by itself; a PWD that is wrong it corrects. */
const SHELL_VARIABLES = ["PWD", "OLDPWD", "SHLVL"] as const;

/**
 * Runs a program as {@link runChild} does, in the control group for commands.
 *
 * @throws {RpcError} -32000 when the group cannot be entered, -32602 for a variable that a shell
 * does not pass on.
 * @throws As {@link runChild}.
 */
export async function runSeparately(options: RunOptions): Promise<RunResult> {
  const { program, args, env, maxOutputBytes } = options;
  refuseUnspeakable(Object.keys(env));
  refuseUnlessGranted(program);
  // Where nothing is kept of what is printed, a failure would not be told from an exit.
  if (maxOutputBytes === 0) await refuseMissing(program);
  const added = SHELL_VARIABLES.filter((name) => !Object.hasOwn(env, name));
  const token = crypto.randomUUID();
  const result = await runChild({
    ...options,
    program: SHELL,
    args: ["-c", ENTER, token, added.join(" "), program, ...args],
  });
  if (!Object.values<number>(STATUS).includes(result.code)) return result;
  const said = new TextDecoder().decode(result.stderr.bytes);
  if (!said.includes(`${token} ${result.code}\n`)) return result;
  throw failure(result.code, program);
}

/**
 * To Deno the shell is what is run, so its own list is asked here.
 *
 * @throws {Deno.errors.NotCapable}
 */
function refuseUnlessGranted(program: string): void {
  const { state } = Deno.permissions.querySync({ name: "run", command: program });
  if (state === "granted") return;
  throw new Deno.errors.NotCapable(`Requires run access to "${program}"`);
}

/** @throws {RpcError} -32602 for a name that a shell would leave out without a word. */
function refuseUnspeakable(names: readonly string[]): void {
  const name = names.find((one) => one === "IFS" || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(one));
  if (name === undefined) return;
  throw invalidParams(
    `env: a variable's name has letters, digits and _ alone and is not IFS, received ${
      JSON.stringify(name)
    }`,
    { params: ["env"] },
  );
}

/**
 * @throws {Deno.errors.NotFound} for what is known to be missing.
 * @throws {Deno.errors.PermissionDenied} for what is known to be no program.
 */
async function refuseMissing(program: string): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(program);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw error;
    // Not to be read by us, and still a program perhaps.
    return;
  }
  const isExecutable = info.isFile && ((info.mode ?? EXECUTABLE_BITS) & EXECUTABLE_BITS) !== 0;
  if (!isExecutable) throw new Deno.errors.PermissionDenied(program);
}

function failure(code: number, program: string): Error {
  if (code === STATUS.notFound) return new Deno.errors.NotFound(program);
  if (code === STATUS.notExecutable) return new Deno.errors.PermissionDenied(program);
  return commandFailed("the command could not be moved into the control group for commands");
}
