/**
 * Connecting to a channel's unix socket, and why that fails.
 *
 * @module
 */

import { messageOf } from "../lib/base/message_of.ts";
import { NoAgentError } from "./errors.ts";

/**
 * Connects.
 *
 * @throws {NoAgentError} when nobody serves the socket.
 */
export async function connectSocket(path: string): Promise<Deno.UnixConn> {
  try {
    return await Deno.connect({ transport: "unix", path });
  } catch (error) {
    throw explain(path, error);
  }
}

function explain(path: string, error: unknown): NoAgentError {
  if (error instanceof Deno.errors.NotFound) {
    return new NoAgentError(`${path}: there is no such socket`, "no socket");
  }
  if (error instanceof Deno.errors.ConnectionRefused) {
    return new NoAgentError(`${path}: nobody serves this socket`, "not served");
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    const why = "permission denied; libvirt's sockets belong to root and the group of QEMU";
    return new NoAgentError(`${path}: ${why}`, "permission denied");
  }
  if (error instanceof Deno.errors.WouldBlock) {
    return new NoAgentError(`${path}: too many wait to be connected already`, "timeout");
  }
  return new NoAgentError(`${path}: ${messageOf(error)}`, "no socket");
}
