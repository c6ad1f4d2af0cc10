/**
 * Where the daemon listens.
 *
 * @module
 */

/** The daemon's socket, unless an option says otherwise. */
export const HOSTD_SOCKET = "/run/kvmmanager/hostd.sock";

/** The package's other socket of the daemon, for those who may only look. */
export const HOSTD_READ_ONLY_SOCKET = "/run/kvmmanager/hostd-read-only.sock";
