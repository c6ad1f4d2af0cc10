/**
 * The daemon that a command goes through.
 *
 * @module
 */

import { AnswerError, CallError } from "../errors.ts";
import { HOSTD_READ_ONLY_SOCKET, HOSTD_SOCKET } from "../hostd_socket.ts";

/** Where the package's daemon listens; the second socket is for those who may only look. */
const USUAL_SOCKETS: readonly string[] = [HOSTD_SOCKET, HOSTD_READ_ONLY_SOCKET];

/**
 * What the daemon answers; `undefined` if none is to be asked, or none answers at its usual sockets:
 * the command then uses the channels itself.
 *
 * @param hostd The socket to ask, as in the invocation. One that somebody has named must be served.
 * @param ask Asks the daemon at a socket.
 * @throws {CallError} if no daemon answers at a socket that was named.
 */
export async function throughDaemon<T>(
  hostd: string | undefined,
  ask: (socket: string) => Promise<T>,
  usual: readonly string[] = USUAL_SOCKETS,
): Promise<T | undefined> {
  if (hostd === undefined) return undefined;
  if (hostd !== usual[0]) return await askNamed(hostd, ask);
  for (const socket of usual) {
    try {
      return await ask(socket);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
  return undefined;
}

async function askNamed<T>(socket: string, ask: (socket: string) => Promise<T>): Promise<T> {
  try {
    return await ask(socket);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const reason = error instanceof CallError ? error.reason : "invalid result";
    const why = error.message.replace(`${socket}: `, "");
    throw new CallError(`no daemon answers at --hostd ${socket}: ${why}`, reason);
  }
}

const isRefusal = (error: unknown): error is CallError | AnswerError =>
  error instanceof CallError || error instanceof AnswerError;
