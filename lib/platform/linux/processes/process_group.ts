/**
 * Sends signals to a child and to all processes that stayed in its process group.
 *
 * @module
 */

import { scriptArgs, SHELL } from "../programs.ts";

/** Sends signals in order to a process group, however it can; a group that is gone is no error. */
export type SignalSender = (pid: number, signals: readonly Deno.Signal[]) => Promise<void>;

/** How signals are sent where Deno does not let this process send them. */
let fallback: SignalSender = signalByShell;

/** Replaces the shell as the way to send signals, for a process that may not run one. */
export function sendSignalsBy(sender: SignalSender): void {
  fallback = sender;
}

/**
 * Sends signals in order to the process group of a child that was spawned detached. A group that no
 * longer exists is not an error.
 */
export async function signalGroup(
  { pid }: { readonly pid: number },
  ...signals: readonly Deno.Signal[]
): Promise<void> {
  try {
    for (const signal of signals) Deno.kill(-pid, signal);
  } catch (error) {
    // Deno lets a process send signals to others only if it may run every program.
    if (error instanceof Deno.errors.NotCapable) return await fallback(pid, signals);
    // ESRCH
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function signalByShell(pid: number, signals: readonly Deno.Signal[]): Promise<void> {
  const shell = new Deno.Command(SHELL, {
    args: scriptArgs(
      'group=$1; shift; for signal; do kill -s "$signal" -- "-$group"; done',
      String(pid),
      ...signals.map((signal) => signal.slice("SIG".length)),
    ),
    clearEnv: true,
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  await shell.output();
}
