/**
 * The daemon that a command goes through.
 *
 * @module
 */

import { type AnswerError, CallError, isFailedCall } from "../errors.ts";
import { HOSTD_READ_ONLY_SOCKET, HOSTD_SOCKET } from "../hostd_socket.ts";

/** Where the package's daemon listens; the second socket is for those who may only look. */
const USUAL_SOCKETS: readonly string[] = [HOSTD_SOCKET, HOSTD_READ_ONLY_SOCKET];

/** No daemon answers at the socket that somebody has named. */
export class NoDaemonError extends CallError {}

/**
 * What the daemon answers; `undefined` if none is to be asked, or none answers at its usual sockets:
 * the command then uses the channels itself.
 *
 * @param hostd The socket to ask, as in the invocation. One that somebody has named must be served.
 * @param ask Asks the daemon at a socket.
 * @throws {NoDaemonError} if no daemon answers at a socket that was named.
 */
export async function throughDaemon<T>(
  hostd: string | undefined,
  ask: (socket: string) => Promise<T>,
  usual: readonly string[] = USUAL_SOCKETS,
): Promise<T | undefined> {
  if (hostd === undefined) return undefined;
  const isNamed = hostd !== usual[0];
  for (const socket of isNamed ? [hostd] : usual) {
    try {
      return await ask(socket);
    } catch (error) {
      if (!isFailedCall(error)) throw error;
      if (isNamed) throw noDaemon(socket, error);
    }
  }
  return undefined;
}

function noDaemon(socket: string, error: CallError | AnswerError): NoDaemonError {
  const reason = error instanceof CallError ? error.reason : "invalid result";
  const why = error.message.replace(`${socket}: `, "");
  return new NoDaemonError(`no daemon answers at --hostd ${socket}: ${why}`, reason);
}
