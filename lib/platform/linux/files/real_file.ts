/**
 * Opens regular files at verified paths.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import type { BoundedOpens } from "./bounded_opens.ts";
import { requireReal, statNoLink } from "./real_path.ts";
import { leadsOutside, linkRefused, notRegular } from "./refusals.ts";

/** How a file is opened; `both` is content with reading if the file may not be written. */
export type Access = "read" | "write" | "both";

/** An opened and verified file; the caller closes it. */
export interface RealFile {
  readonly file: Deno.FsFile;
  /** As it was when it was opened. */
  readonly info: Deno.FileInfo;
}

/**
 * What the path itself is, if that is a regular file.
 *
 * @throws {RpcError} -32001 for a link, -32000 for anything else that is not a regular file.
 * @throws {Deno.errors.NotFound} if it does not exist.
 */
export async function statRegularFile(path: string): Promise<Deno.FileInfo> {
  const info = await statNoLink(path);
  if (!info.isFile) throw notRegular(path, info);
  return info;
}

/**
 * The status of a file to be replaced, or `undefined` if it does not exist.
 *
 * @throws As {@link statRegularFile}.
 */
export async function statIfAny(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await statRegularFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Opens an existing regular file inside an allowed path.
 *
 * @throws {RpcError} -32001 if the path contains a link, -32000 for anything that is not a regular
 * file.
 * @throws {Deno.errors.NotFound} and other native errors of the file system.
 */
export async function openRealFile(
  opens: BoundedOpens,
  target: AllowedPath,
  access: Access,
  signal: AbortSignal,
): Promise<RealFile> {
  const { path } = target;
  await statRegularFile(path);
  signal.throwIfAborted();
  const file = await open(opens, target, access, signal).catch((error) => {
    throw leadsOutside(error, path) ? linkRefused(path) : error;
  });
  try {
    const info = file.statSync();
    if (!info.isFile) throw commandFailed(`${path} is no longer a regular file`, { path });
    requireReal(target, info);
    return { file, info };
  } catch (error) {
    file.close();
    throw leadsOutside(error, path) ? linkRefused(path) : error;
  }
}

/** An attacker may have put a FIFO there by now. Opened for both directions, it does not block. */
async function open(
  opens: BoundedOpens,
  target: AllowedPath,
  access: Access,
  signal: AbortSignal,
): Promise<Deno.FsFile> {
  if (access === "read") return await opens.open(target, { read: true }, signal);
  try {
    return await opens.open(target, { read: true, write: true }, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    // The agent may only read the file, or only write it.
    return await opens.open(target, access === "write" ? { write: true } : { read: true }, signal);
  }
}
