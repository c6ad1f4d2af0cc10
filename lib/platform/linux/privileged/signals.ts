/**
 * Signals by system call: Deno lets a program send signals only if it may run everything, and the
 * broker may not even run a shell.
 *
 * @module
 */

import { libcPath } from "./libc.ts";

/** The signals that are sent, with their numbers on x86-64 and arm64 (signal(7)). */
const NUMBERS: Readonly<Partial<Record<Deno.Signal, number>>> = {
  SIGINT: 2,
  SIGKILL: 9,
  SIGTERM: 15,
  SIGCONT: 18,
};

/** Sends signals to a process group. One that has ended is not an error. */
export function signalGroupByLibc(pid: number, signals: readonly Deno.Signal[]): Promise<void> {
  const library = Deno.dlopen(libcPath(), {
    kill: { parameters: ["i32", "i32"], result: "i32" },
  });
  try {
    for (const signal of signals) library.symbols.kill(-pid, numberOf(signal));
  } finally {
    library.close();
  }
  return Promise.resolve();
}

function numberOf(signal: Deno.Signal): number {
  const number = NUMBERS[signal];
  if (number === undefined) throw new Error(`no number for ${signal}`);
  return number;
}
