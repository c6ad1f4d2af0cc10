/**
 * Where the daemon listens.
 *
 * @module
 */

/** The daemon's socket, unless an option says otherwise. */
export const HOSTD_SOCKET = "/run/kvmmanager/hostd.sock";
