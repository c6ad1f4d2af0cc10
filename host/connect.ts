/**
 * Connects to a channel's unix socket and explains failures.
 *
 * @module
 */

import { messageOf } from "../lib/base/message_of.ts";
import { CallError } from "./errors.ts";

/**
 * Connects.
 *
 * @throws {CallError} with the reason.
 */
export async function connectSocket(path: string): Promise<Deno.UnixConn> {
  try {
    return await Deno.connect({ transport: "unix", path });
  } catch (error) {
    throw await explain(path, error);
  }
}

async function explain(path: string, error: unknown): Promise<CallError> {
  if (error instanceof Deno.errors.NotFound) {
    return new CallError(`${path}: the socket does not exist`, "no socket");
  }
  if (error instanceof Deno.errors.ConnectionRefused) {
    // connect(2) refuses both alike.
    if (!await isSocket(path)) return new CallError(`${path} is not a socket`, "no socket");
    return new CallError(`${path}: no process serves this socket`, "not served");
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    const why = "permission denied; libvirt's sockets belong to root and QEMU's group";
    return new CallError(`${path}: ${why}`, "permission denied");
  }
  if (error instanceof Deno.errors.WouldBlock) {
    return new CallError(
      `${path}: too many clients are already waiting to be connected`,
      "timeout",
    );
  }
  return new CallError(`${path}: ${messageOf(error)}`, "no socket");
}

async function isSocket(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isSocket === true;
  } catch {
    // Removed, or not to be seen: it was connected to, so it is taken for a socket.
    return true;
  }
}
