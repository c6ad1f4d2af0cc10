/**
 * Signals to a child and everything it started that stayed in its process group.
 *
 * @module
 */

import { SHELL } from "../policy/programs.ts";

/** The signals that end a group: the polite one and the other. */
export type EndingSignal = "SIGTERM" | "SIGKILL";

/**
 * Sends a signal to the process group of a child that was spawned detached. A group that is gone
 * already is no error.
 */
export async function signalGroup(child: Deno.ChildProcess, signal: EndingSignal): Promise<void> {
  try {
    Deno.kill(-child.pid, signal);
  } catch (error) {
    // Deno allows signals to other processes only to those who may run everything.
    if (error instanceof Deno.errors.NotCapable) return await signalByShell(child.pid, signal);
    // ESRCH
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function signalByShell(pid: number, signal: EndingSignal): Promise<void> {
  const shell = new Deno.Command(SHELL, {
    args: ["-c", 'kill -s "$1" -- "-$2"', "sh", signal.slice("SIG".length), String(pid)],
    clearEnv: true,
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  await shell.output();
}
