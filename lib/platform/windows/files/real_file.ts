/**
 * Opens files at allowed paths, without following a reparse point.
 *
 * @module
 */

import { commandFailed, notFound, permissionDenied } from "../../../base/errors.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import type { Handle } from "../ffi/handle.ts";
import { kernel32 } from "../ffi/kernel32.ts";
import { wide } from "../ffi/wide.ts";
import { isSamePath, WINDOWS_PATHS } from "../paths.ts";
import { explain, isMissing, linkRefused } from "./file_errors.ts";
import {
  ACCESS,
  ATTRIBUTE,
  closeHandle,
  DISPOSITION,
  type FileInformation,
  finalPathOf,
  informationOf,
  isReparsePoint,
  KIND,
  type OpenHow,
  openName,
  SHARE,
} from "./nt_file.ts";

/** DRIVE_REMOTE of GetDriveTypeW. */
const DRIVE_REMOTE = 4;

/** Another program cannot rename or remove the directory while it is open like this. */
const HOLD: OpenHow = {
  access: ACCESS.ATTRIBUTES,
  share: SHARE.READ_WRITE,
  disposition: DISPOSITION.OPEN,
  kind: KIND.DIRECTORY,
};

/** An open file whose final path is the requested one. */
export interface RealFile {
  readonly handle: Handle;
  /** As it was when it was opened. */
  readonly info: FileInformation;
}

/** How the directories of a path are opened. */
export interface DirectoryHow {
  /** Whether to create missing ones, from the allowed path itself downwards. */
  readonly create?: boolean;
  /** What is told if one is missing, besides that. */
  readonly hint?: string;
}

/** Whether it is a reparse point. */
export const isLink = ({ attributes }: FileInformation): boolean =>
  (attributes & ATTRIBUTE.REPARSE_POINT) !== 0;
/** Whether it is a directory, or a reparse point that is one. */
export const isDirectory = ({ attributes }: FileInformation): boolean =>
  (attributes & ATTRIBUTE.DIRECTORY) !== 0;

/** The last name of a normalised path. */
export const nameOf = (path: string): string => path.slice(path.lastIndexOf("\\") + 1);

/**
 * Opens a drive's root.
 *
 * @throws {RpcError} -32001 for a drive of the network, which could hang and learn the guest's
 * credentials.
 */
function openRoot(path: string, how: OpenHow): Handle {
  const root = path.slice(0, "C:\\".length);
  if (kernel32.GetDriveTypeW(wide(root)) === DRIVE_REMOTE) {
    throw permissionDenied(`${path} is on a network drive; only local drives can be used`, {
      path,
    });
  }
  return openName(null, `\\??\\${root}`, how);
}

/**
 * Checks that an open file is what a path names.
 *
 * @throws {RpcError} -32001 if it is a reparse point or has another path.
 */
export function prove(handle: Handle, path: string): FileInformation {
  const info = informationOf(handle);
  if (isLink(info)) throw linkRefused(path);
  proveFinalPath(handle, path);
  return info;
}

/** As {@link prove}, for what may itself be a reparse point. */
export function proveFinalPath(handle: Handle, path: string): void {
  const found = finalPathOf(handle);
  if (isSamePath(found, path)) return;
  throw permissionDenied(`${path} leads to ${found}; only a file's own path can be used`, { path });
}

/** An open directory, which no other program can rename or remove until it is disposed of. */
export class HeldDirectory implements Disposable {
  constructor(readonly handle: Handle) {}

  [Symbol.dispose](): void {
    closeHandle(this.handle);
  }
}

/**
 * Opens and proves a directory.
 *
 * @param path At or below `root`, or the directory that `root` is in.
 * @throws {RpcError} -32001 for a reparse point in the path, -32002 if it is missing.
 */
export function holdDirectory(
  path: string,
  root: string,
  { create = false, hint = "" }: DirectoryHow = {},
): HeldDirectory {
  const names = path.slice("C:\\".length).split("\\").filter((name) => name !== "");
  let reached = path.slice(0, "C:\\".length);
  let handle: Handle | undefined;
  try {
    handle = openRoot(path, HOLD);
    for (const name of names) {
      reached = reached.endsWith("\\") ? `${reached}${name}` : `${reached}\\${name}`;
      const mayCreate = create && WINDOWS_PATHS.isInside(reached, root);
      const disposition = mayCreate ? DISPOSITION.OPEN_IF : DISPOSITION.OPEN;
      const next = openName(handle, name, { ...HOLD, disposition });
      closeHandle(handle);
      handle = next;
      if (isReparsePoint(handle)) throw linkRefused(reached);
    }
    proveFinalPath(handle, path);
    return new HeldDirectory(handle);
  } catch (error) {
    if (handle !== undefined) closeHandle(handle);
    if (isMissing(error)) throw notFound(`${reached} does not exist${hint}`, { path: reached });
    throw explain(error, reached, "opened");
  }
}

/**
 * Opens what an allowed path names; the caller closes it.
 *
 * @throws {RpcError} -32001 for a reparse point in the path or if Windows refuses, -32002 if it is
 * missing, -32000 for other errors of the file system.
 */
export function openReal(
  { path, root }: AllowedPath,
  how: Omit<OpenHow, "disposition">,
): RealFile {
  const open: OpenHow = { ...how, disposition: DISPOSITION.OPEN };
  const handle = path.length === "C:\\".length
    ? attempt(path, () => openRoot(path, open))
    : openInDirectory(path, root, open);
  try {
    return { handle, info: prove(handle, path) };
  } catch (error) {
    closeHandle(handle);
    throw error;
  }
}

function openInDirectory(path: string, root: string, how: OpenHow): Handle {
  const directory = holdDirectory(WINDOWS_PATHS.parentOf(path), root);
  using _directory = directory;
  return attempt(path, () => openName(directory.handle, nameOf(path), how));
}

/**
 * Opens an existing regular file; the caller closes it.
 *
 * @throws {RpcError} as {@link openReal}, and -32000 for a directory.
 */
export function openRealFile(
  target: AllowedPath,
  how: Omit<OpenHow, "disposition" | "kind">,
): RealFile {
  const real = openReal(target, { ...how, kind: KIND.FILE });
  if (!isDirectory(real.info)) return real;
  closeHandle(real.handle);
  throw commandFailed(`${target.path} is a directory, not a regular file`, { path: target.path });
}

/** Runs a call about a path; a refusal is told in the words of the protocol. */
export function attempt<Result>(path: string, call: () => Result, action = "opened"): Result {
  try {
    return call();
  } catch (error) {
    throw explain(error, path, action);
  }
}
