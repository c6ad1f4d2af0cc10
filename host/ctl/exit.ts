/**
 * How kvmmanager-ctl ends.
 *
 * @module
 */

/** Exit statuses; `exec` ends with those of {@link EXEC_EXIT} or with the command's own. */
export const EXIT = {
  ok: 0,
  /** The agent refused, or what was asked for failed in the guest. */
  errorAnswer: 1,
  /** There is no agent, or none that answers. */
  unavailable: 2,
  /** EX_USAGE of sysexits.h. */
  usage: 64,
  /** EX_IOERR of sysexits.h: a file of the host. */
  localFile: 74,
  /** 128 + SIGINT, as a shell tells it. */
  interrupted: 130,
} as const;

/** What `exec` ends with when the command's own exit status is not to be had, as timeout(1) and env(1). */
export const EXEC_EXIT = { timeout: 124, failed: 125, notExecutable: 126, notFound: 127 } as const;
