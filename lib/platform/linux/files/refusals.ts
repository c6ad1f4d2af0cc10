/**
 * Refusals shared by several operations.
 *
 * @module
 */

import { commandFailed, permissionDenied, type RpcError } from "../../../base/errors.ts";

const KINDS: readonly [keyof Deno.FileInfo, string][] = [
  ["isDirectory", "a directory"],
  ["isFifo", "a FIFO"],
  ["isSocket", "a socket"],
  ["isCharDevice", "a character device"],
  ["isBlockDevice", "a block device"],
];

/** The refusal of a path with a link in it. */
export function linkRefused(path: string): RpcError {
  return permissionDenied(`${path} contains a symbolic link; links are never followed`, {
    path,
  });
}

/** The refusal of anything but a regular file. */
export function notRegular(path: string, info: Deno.FileInfo): RpcError {
  const kind = KINDS.find(([member]) => info[member])?.[1] ?? "not a file";
  return commandFailed(`${path} is ${kind}, not a regular file`, { path });
}

/** Whether Deno grants this path but refused it, which means that it followed a link. */
export const leadsOutside = (error: unknown, path: string): boolean =>
  error instanceof Deno.errors.NotCapable &&
  Deno.permissions.querySync({ name: "read", path }).state === "granted";
