/**
 * What Windows refuses about files, in the words of the protocol.
 *
 * @module
 */

import { commandFailed, notFound, permissionDenied, type RpcError } from "../../../base/errors.ts";
import { ntdll, STATUS } from "../ffi/ntdll.ts";
import { WindowsError } from "../ffi/windows_error.ts";

/** A call about a file that the system refused. */
export class FileError extends Error {
  override readonly name = "FileError";

  /**
   * @param call The documented name of the function.
   * @param status Its NTSTATUS.
   */
  constructor(readonly call: string, readonly status: number) {
    super(new WindowsError(call, ntdll.RtlNtStatusToDosError(status)).message);
  }
}

const MISSING: readonly number[] = [
  STATUS.OBJECT_NAME_NOT_FOUND,
  STATUS.OBJECT_PATH_NOT_FOUND,
  STATUS.NO_SUCH_FILE,
];

/** Whether the file or its directory does not exist. */
export const isMissing = (error: unknown): boolean =>
  error instanceof FileError && MISSING.includes(error.status);

/** The refusal of a path with a reparse point in it. */
export function linkRefused(path: string): RpcError {
  return permissionDenied(
    `${path} contains a link, junction or other reparse point; they are never followed`,
    { path },
  );
}

/** The refusal of a directory where a file is needed. */
export const notRegular = (path: string): RpcError =>
  commandFailed(`${path} is a directory, not a regular file`, { path });

/** What certain refusals say about a path. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [STATUS.OBJECT_NAME_COLLISION, "exists already"],
  [STATUS.SHARING_VIOLATION, "is in use by another program"],
  [STATUS.DIRECTORY_NOT_EMPTY, "is not empty"],
  [STATUS.NOT_A_DIRECTORY, "is not a directory"],
  [STATUS.FILE_IS_A_DIRECTORY, "is a directory, not a regular file"],
  [STATUS.NOT_SAME_DEVICE, "cannot be renamed to another volume; nothing is ever copied"],
]);

/**
 * The error for the host about anything that was thrown while a path was worked on; other errors
 * than those of the system unchanged.
 *
 * @param action What could not be done, such as "opened".
 */
export function explain(error: unknown, path: string, action: string): unknown {
  if (!(error instanceof FileError)) return error;
  if (isMissing(error)) return notFound(`${path} does not exist`, { path });
  const reason = REASONS.get(error.status);
  if (reason !== undefined) return commandFailed(`${path} ${reason}`, { path });
  const text = `${path} cannot be ${action}: ${error.message}`;
  return error.status === STATUS.ACCESS_DENIED
    ? permissionDenied(text, { path })
    : commandFailed(text, { path });
}
