/**
 * Signals by system call: Deno lets a program send signals only if it may run everything, and the
 * broker may not even run a shell.
 *
 * @module
 */

import { libcPath } from "./libc.ts";

/** The signals that are sent, with their numbers on x86-64 and arm64 (signal(7)). */
const NUMBERS: Readonly<Partial<Record<Deno.Signal, number>>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGTERM: 15,
  SIGCONT: 18,
  SIGSTOP: 19,
};

/** pidfd_send_signal(2) and pidfd_open(2), the same numbers on every architecture. */
const SYS_PIDFD_SEND_SIGNAL = 424n;
const SYS_PIDFD_OPEN = 434n;

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

/** A process that stays the one that was meant, even if its number is used again. */
export interface HeldProcess extends Disposable {
  /** Sends a signal; returns `false` if it has ended. */
  send(signal: Deno.Signal): boolean;
}

/**
 * Takes hold of a process; `undefined` if none has that number.
 *
 * @param libc The C library's path.
 */
export function holdProcess(
  pid: number,
  libc: string = libcPath(),
): HeldProcess | undefined {
  const library = Deno.dlopen(libc, {
    syscall: { parameters: ["i64", "i64", "i64", "i64", "i64"], result: "i64" },
    close: { parameters: ["i32"], result: "i32" },
  });
  const { syscall, close } = library.symbols;
  const descriptor = syscall(SYS_PIDFD_OPEN, BigInt(pid), 0n, 0n, 0n);
  if (descriptor < 0n) {
    library.close();
    return undefined;
  }
  return {
    send: (signal) =>
      syscall(SYS_PIDFD_SEND_SIGNAL, descriptor, BigInt(numberOf(signal)), 0n, 0n) === 0n,
    [Symbol.dispose]: () => {
      close(Number(descriptor));
      library.close();
    },
  };
}

function numberOf(signal: Deno.Signal): number {
  const number = NUMBERS[signal];
  if (number === undefined) throw new Error(`no number for ${signal}`);
  return number;
}
