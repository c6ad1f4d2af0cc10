/**
 * Starts commands outside the agent's control group.
 *
 * Under systemd the agent has its own control group, with the limits that it promises to keep, and
 * commands have another one (install/lib/start creates both). A child starts in its parent's group,
 * and Deno cannot start it elsewhere. So a shell moves itself to the other group and then execs the
 * command without forking: process id and exit status are the command's.
 *
 * @module
 */

import { commandFailed, invalidParams } from "../../../base/errors.ts";
import type { RunOptions, RunResult } from "../../../guest/commands.ts";
import { COMMANDS_GROUP_DESCRIPTOR as GROUP, isExecutableFile, SHELL } from "../programs.ts";
import type { CommandTree } from "./command_tree.ts";
import { runChild } from "./run_child.ts";

const STATUS = { notMoved: 125, notExecutable: 126, notFound: 127 } as const;

/**
 * The usual soft limit of open files. Deno raises its own to the hard limit, which breaks programs
 * that use select(2) or close every possible descriptor.
 */
const COMMAND_OPEN_FILES = 1024;

/**
 * `$0` is a random token that distinguishes a failure of this script from an exit of the command.
 * An agent that is not in such a group does not move its children. Before Linux 5.16 there is no
 * descriptor, and the group's file belongs to the agent's user.
 */
const ENTER = `trap 'echo "$0 $?" >&2' EXIT
${enterCode()}`;

const ON_NOT_MOVED =
  "echo 'kvmmanager-agent: the command could not be moved into its control group' >&2; ";

/** The same for a command whose output is delivered as it arrives: it gets plain words instead. */
const ENTER_PLAINLY = enterCode({ onNotMoved: ON_NOT_MOVED });

/**
 * The same for a command with a {@link CommandTree}, whose name is `$1`. Where its group cannot be
 * created, the command is in the group of all commands.
 */
const ENTER_TREE = `_kvmmanager_tree=$1
shift
${
  enterCode({
    onNotMoved: ON_NOT_MOVED,
    then:
      "_kvmmanager_tree=/sys/fs/cgroup${_kvmmanager_group%/agent}/commands/$_kvmmanager_tree; " +
      '{ /bin/mkdir "$_kvmmanager_tree" && echo 0 >"$_kvmmanager_tree/cgroup.procs"; } 2>/dev/null; ',
    variables: "_kvmmanager_group _kvmmanager_tree",
  })
}`;

/** What a script of the agent begins with to move itself; it also closes the descriptor. */
export const ENTER_HERE = `${moveCode()}
unset -v _kvmmanager_group
`;

function enterCode(
  { onNotMoved = "", then = "", variables = "_kvmmanager_group" } = {},
): string {
  return `shopt -s execfail 2>/dev/null
${moveCode({ onNotMoved, then })}
unset -v ${variables} $1
shift
exec "$@"`;
}

function moveCode({ onNotMoved = "", then = "" } = {}): string {
  return `IFS=: read -r _ _ _kvmmanager_group </proc/self/cgroup
case $_kvmmanager_group in
*/agent) { echo 0 >&${GROUP}; } 2>/dev/null || echo 0 >"/sys/fs/cgroup\${_kvmmanager_group%/agent}/commands/cgroup.procs" || { ${onNotMoved}exit ${STATUS.notMoved}; }; ${then};;
esac
exec ${GROUP}>&-
ulimit -Sn ${COMMAND_OPEN_FILES} 2>/dev/null || :`;
}

/** The variables that a shell adds to the environment; it also corrects a wrong PWD. */
const SHELL_VARIABLES = ["PWD", "OLDPWD", "SHLVL"] as const;

/**
 * Runs a program as {@link runChild} does, in the control group for commands.
 *
 * @throws {RpcError} -32000 if the group cannot be entered, -32602 for a variable that a shell does
 * not pass on.
 * @throws As {@link runChild}.
 */
export async function runInCommandCgroup(options: RunOptions): Promise<RunResult> {
  const { program, args, env, maxOutputBytes } = options;
  rejectUnpassableNames(Object.keys(env));
  requireGrant(program);
  // Without captured output, a failure of the script would look like an exit of the command.
  if (maxOutputBytes === 0) await requireExecutable(program);
  const added = SHELL_VARIABLES.filter((name) => !Object.hasOwn(env, name));
  const token = crypto.randomUUID();
  const result = await runChild({
    ...options,
    program: SHELL,
    args: ["-c", ENTER, token, added.join(" "), program, ...args],
  });
  if (!Object.values<number>(STATUS).includes(result.code)) return result;
  const errorText = new TextDecoder().decode(result.stderr.bytes);
  if (!errorText.includes(`${token} ${result.code}\n`)) return result;
  throw failure(result.code, program);
}

/** What a shell needs to start a program. */
export type Program = Pick<RunOptions, "program" | "args" | "env">;

/**
 * What to start so that a command runs in the control group for commands, after checking what a shell
 * would find out too late.
 *
 * @param command What the host asked for.
 * @param started What runs it, the same or a shell.
 * @param isSeparate Whether there is such a group; otherwise `started` is only checked.
 * @param tree The group that it gets inside that one.
 * @throws As {@link runInCommandCgroup}.
 */
export async function separated(
  { program, env }: Pick<RunOptions, "program" | "env">,
  started: Program,
  isSeparate: boolean,
  tree?: CommandTree,
): Promise<Program> {
  rejectUnpassableNames(Object.keys(env));
  requireGrant(program);
  await requireExecutable(program);
  if (!isSeparate) return started;
  const added = SHELL_VARIABLES.filter((name) => !Object.hasOwn(env, name));
  const enter = tree === undefined ? [ENTER_PLAINLY, "sh"] : [ENTER_TREE, "sh", tree.name];
  return {
    program: SHELL,
    args: ["-c", ...enter, added.join(" "), started.program, ...started.args],
    env: started.env,
  };
}

/** Standard error becomes standard output; `$1` are the variables that the shell has added. */
const MERGE_OUTPUT = `unset -v $1
shift
exec "$@" 2>&1`;

/**
 * Runs a program as {@link runChild} does, with both outputs in one.
 *
 * @param isSeparate Whether there is a control group for commands.
 * @throws As {@link runInCommandCgroup}.
 */
export async function runWithMergedOutput(
  options: RunOptions,
  isSeparate: boolean,
): Promise<RunResult> {
  const { program, args, env } = options;
  const added = SHELL_VARIABLES.filter((name) => !Object.hasOwn(env, name));
  const merging = {
    program: SHELL,
    args: ["-c", MERGE_OUTPUT, "sh", added.join(" "), program, ...args],
    env,
  };
  return await runChild({ ...options, ...await separated(options, merging, isSeparate) });
}

/**
 * Deno sees only that the shell is run, so its list of programs is checked here.
 *
 * @throws {Deno.errors.NotCapable}
 */
function requireGrant(program: string): void {
  const { state } = Deno.permissions.querySync({ name: "run", command: program });
  if (state !== "granted") {
    throw new Deno.errors.NotCapable(`Requires run access to "${program}"`);
  }
}

/** @throws {RpcError} -32602 for a name that a shell would silently leave out. */
function rejectUnpassableNames(names: readonly string[]): void {
  const name = names.find((one) => one === "IFS" || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(one));
  if (name === undefined) return;
  throw invalidParams(
    `env: a name must be letters, digits and _, must not start with a digit and must not be IFS, ` +
      `received ${JSON.stringify(name)}`,
    { params: ["env"] },
  );
}

/**
 * @throws {Deno.errors.NotFound} for a program that is known to be missing.
 * @throws {Deno.errors.PermissionDenied} for one that is known not to be executable.
 */
async function requireExecutable(program: string): Promise<void> {
  if (isExecutableFile(program)) return;
  try {
    await Deno.stat(program);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw error;
    // The agent may not see it, but the program may still be executable.
    return;
  }
  throw new Deno.errors.PermissionDenied(program);
}

function failure(code: number, program: string): Error {
  if (code === STATUS.notFound) return new Deno.errors.NotFound(program);
  if (code === STATUS.notExecutable) return new Deno.errors.PermissionDenied(program);
  return commandFailed(
    "the command was not started, because it could not be moved into the control group for " +
      "commands; restart the agent's service to set the groups up again",
  );
}
