/**
 * The exit statuses of the agent and of the scripts.
 *
 * @module
 */

/** Exit statuses (sysexits(3), where it has one). */
export const EXIT = {
  ok: 0,
  wrong: 1,
  software: 70,
  unavailable: 69,
  usage: 64,
  /** Standard output could not be written. */
  output: 74,
  config: 78,
  /** 128 + SIGPIPE, as a shell reports it: the reader of the output has closed it. */
  brokenPipe: 141,
} as const;
