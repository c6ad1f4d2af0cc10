/** Signals that a host may send to a process. */
export const PROCESS_SIGNALS = [
  "SIGTERM",
  "SIGKILL",
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGCONT",
  "SIGSTOP",
] as const;

/** One of {@link PROCESS_SIGNALS}. */
export type ProcessSignal = (typeof PROCESS_SIGNALS)[number];
