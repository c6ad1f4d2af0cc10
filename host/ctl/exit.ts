/**
 * The exit statuses of kvmmanager-ctl.
 *
 * @module
 */

/** Exit statuses; `exec` exits with one of {@link EXEC_EXIT} or with the program's status. */
export const EXIT = {
  ok: 0,
  /** The agent refused, or the request failed in the guest. */
  errorAnswer: 1,
  /** No agent, no answer, or the channel is in use. */
  unavailable: 2,
  /** EX_USAGE of sysexits.h. */
  usage: 64,
  /** EX_IOERR of sysexits.h: a file of the host. */
  localFile: 74,
  /** 128 + SIGINT, as a shell reports it. */
  interrupted: 130,
  /** 128 + SIGPIPE: the reader of the output has closed it. */
  brokenPipe: 141,
} as const;

/**
 * Exit statuses of `exec` other than the program's. 124 to 127 are those of timeout(1) and env(1);
 * 122 is used by no common program.
 */
export const EXEC_EXIT = {
  outputCut: 122,
  timeout: 124,
  failed: 125,
  notExecutable: 126,
  notFound: 127,
} as const;
