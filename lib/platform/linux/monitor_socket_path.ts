/**
 * Where the command monitor's socket is made before it appears under its own path.
 *
 * @module
 */

/**
 * A directory for the agent alone, beside the socket: what is in it can be given its mode and group
 * while nobody else can reach it. The schema leaves room for both endings in a socket's path.
 */
export const privateDirectoryOf = (pipePath: string): string => `${pipePath}.new`;

/** The socket in the making. */
export const unfinishedSocketOf = (pipePath: string): string => `${privateDirectoryOf(pipePath)}/s`;
