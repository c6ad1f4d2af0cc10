/**
 * A command and everything that it has started, wherever that has moved itself: a control group below
 * the one for commands, which install/lib/start allows the agent's user to divide.
 *
 * A process leaves its process group and its session at will, but its control group only by the file
 * of another one.
 *
 * @module
 */

import type { RunResult } from "../../../guest/commands.ts";
import { PROGRAM_PATH, scriptArgs, SHELL } from "../programs.ts";
import { runChild } from "./run_child.ts";

const TIMEOUT_MS = 5000;
const MAX_OUTPUT_BYTES = 4096;
/** How often processes are looked for that were started while others were being signalled. */
const KILL_ROUNDS = 10;

/** Goes to the group for commands; ends with 1 where there is none. */
const FIND_ALL = `IFS=: read -r _ _ group </proc/self/cgroup
case $group in */agent) ;; *) exit 1 ;; esac
cd "/sys/fs/cgroup\${group%/agent}/commands" 2>/dev/null || exit 1`;

/**
 * `$1` is the group, `$2` the signal, `$3` a process that does not get it. One that has just ended is
 * not an error.
 */
const SIGNAL = `${FIND_ALL}
members() {
  pids=
  while read -r pid; do [ "$pid" = "$2" ] || pids="$pids $pid"; done <"$1/cgroup.procs"
  [ -n "$pids" ]
}
[ -d "$1" ] && members "$1" "$3" || exit 1
kill -s "$2" $pids 2>/dev/null
[ "$2" = KILL ] || exit 0
round=0
while members "$1" "$3" && [ "$round" -lt ${KILL_ROUNDS} ]; do
  kill -s KILL $pids 2>/dev/null
  round=$((round + 1))
  sleep 0.1
done
exit 0`;

/** Removes the groups of the arguments, and prints those that are left. */
const REMOVE = `${FIND_ALL}
for group; do
  [ ! -d "$group" ] || rmdir "$group" 2>/dev/null || echo "$group"
done`;

/** Groups of commands that have ended, with processes that were to outlive them. */
let leftOver: readonly string[] = [];
const MAX_LEFT_OVER = 100;
/** One after another: each tries again what the one before could not remove. */
let removing: Promise<void> = Promise.resolve();

/** The control group of one command. */
export class CommandTree {
  /** The name of its directory. */
  readonly name = `job.${crypto.getRandomValues(new Uint8Array(8)).toHex()}`;

  /**
   * Sends a signal to every process in the group.
   *
   * @param except The id of a process that does not get it.
   * @returns Whether there was one: the group may be empty, and without systemd there is none.
   */
  async signal(signal: Deno.Signal, except?: number): Promise<boolean> {
    const { code } = await run(SIGNAL, this.name, signal.slice("SIG".length), `${except ?? 0}`);
    return code === 0;
  }

  /**
   * Removes the group; with a later one, if processes are in it that outlive the command. Never
   * rejects.
   */
  remove(): Promise<void> {
    return removing = removing.then(async () => {
      const { stdout } = await run(REMOVE, this.name, ...leftOver.slice(-MAX_LEFT_OVER));
      leftOver = new TextDecoder().decode(stdout.bytes).split("\n").filter((name) => name !== "");
    }).catch(() => {});
  }
}

async function run(code: string, ...args: readonly string[]): Promise<RunResult> {
  return await runChild({
    program: SHELL,
    args: scriptArgs(code, ...args),
    workingDirectory: "/",
    env: { PATH: PROGRAM_PATH, LC_ALL: "C" },
    maxOutputBytes: MAX_OUTPUT_BYTES,
    timeoutMs: TIMEOUT_MS,
    signal: new AbortController().signal,
  });
}
