/**
 * Shared by the agent's unix sockets: checking for a free path, accepting connections, explaining
 * errors.
 *
 * @module
 */

import { ListenError } from "../../channel/channel.ts";
import { messageOf } from "../../base/message_of.ts";
import { sleep } from "../../base/timer.ts";
import { socketRemedy } from "./permission_remedy.ts";

const ACCEPT_RETRY_MS = 100;

/** A link in the path would let others decide where the socket is. */
export const LEADS_THROUGH_LINK = "its path contains a symbolic link; links are never followed";

/**
 * Checks that a socket can be created at a path.
 *
 * @returns The stale socket at the path, which no process serves any more, if there is one.
 * @throws {ListenError} if another process serves it, or the path is not a socket.
 */
export async function findStale(path: string): Promise<Deno.FileInfo | undefined> {
  const info = await lstatIfAny(path);
  if (info === undefined) return undefined;
  if (!info.isSocket) {
    throw new ListenError(`${path} exists and is not a socket; remove it or choose another path`);
  }
  if (await isServed(path)) {
    throw new ListenError(`${path} is served by another process; stop it or choose another path`);
  }
  return info;
}

async function lstatIfAny(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new ListenError(`cannot check ${path}: ${socketErrorReason(error, path)}`);
  }
}

async function isServed(path: string): Promise<boolean> {
  try {
    const probe = await Deno.connect({ transport: "unix", path });
    probe.close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw new ListenError(
      `cannot find out whether ${path} is in use: ${socketErrorReason(error, path)}`,
    );
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
      // Out of file descriptors, or the client has already disconnected: the next attempt may
      // succeed.
      await sleep(ACCEPT_RETRY_MS);
    }
  }
}

/**
 * Why an operation on the socket at `path` failed. For Deno's refusals it says which permission is
 * missing and how to get it, or that the path contains a symbolic link.
 *
 * @param used The path that was passed to Deno, if that is not `path` itself.
 */
export function socketErrorReason(error: unknown, path: string, used = path): string {
  if (!(error instanceof Deno.errors.NotCapable)) return messageOf(error);
  const missing = missingPermissions(used);
  // Deno grants the path but refuses it: it has resolved a link that leads elsewhere.
  if (missing.length === 0) return LEADS_THROUGH_LINK;
  return `the agent was started without permission to ${missing.join(" and ")} this socket; ` +
    socketRemedy();
}

function missingPermissions(path: string): string[] {
  const needed: readonly (readonly [what: string, permission: Deno.PermissionDescriptor])[] = [
    ["read", { name: "read", path }],
    ["write", { name: "write", path }],
    ["connect to", { name: "net", host: `unix:${path}` }],
  ];
  return needed
    .filter(([, permission]) => Deno.permissions.querySync(permission).state !== "granted")
    .map(([what]) => what);
}
