/**
 * What every unix socket of the agent's needs: a path that is free, and connections until it closes.
 *
 * @module
 */

import { messageOf } from "../../base/message_of.ts";

const ACCEPT_RETRY_MS = 100;

/** A link in the path would let others decide where the socket is. */
export const LEADS_THROUGH_LINK = "its path leads through a symbolic link, which is never followed";

/** The socket cannot be made; the message tells a person why. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/**
 * Makes sure that a socket may be made at a path.
 *
 * @returns Whether a socket that nobody serves any more is in the way.
 * @throws {ListenError} when somebody serves it, or the path is something else.
 */
export async function findStale(path: string): Promise<boolean> {
  const info = await lstatIfAny(path);
  if (info === undefined) return false;
  if (!info.isSocket) throw new ListenError(`${path} exists and is no socket; it is left alone`);
  if (await isServed(path)) {
    throw new ListenError(`${path} is served by another process; stop it or choose another path`);
  }
  return true;
}

async function lstatIfAny(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new ListenError(`cannot look at ${path}: ${reasonOf(error, path)}`);
  }
}

async function isServed(path: string): Promise<boolean> {
  try {
    const probe = await Deno.connect({ transport: "unix", path });
    probe.close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw new ListenError(`cannot tell whether ${path} is in use: ${reasonOf(error, path)}`);
  }
}

/** The next connection, or `undefined` once the listener has been closed. */
export async function acceptUnlessClosed(
  listener: Deno.UnixListener,
): Promise<Deno.UnixConn | undefined> {
  for (;;) {
    try {
      return await listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return undefined;
      }
      // Out of descriptors, or a peer that was gone again: the next one may fare better.
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
    }
  }
}

/** Closes a connection that may be closed already. */
export function closeQuietly(connection: { close(): void }): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}

/** What went wrong with a socket, without Deno's advice about its flags. */
export function reasonOf(error: unknown, path: string): string {
  if (!(error instanceof Deno.errors.NotCapable)) return messageOf(error);
  // Deno may touch the path and refuses all the same: it has followed a link.
  return Deno.permissions.querySync({ name: "read", path }).state === "granted"
    ? LEADS_THROUGH_LINK
    : "this agent is confined and was not granted the socket when it was compiled or started";
}
