import type { Guest } from "../../lib/guest/guest.ts";

/**
 * The directory in which a command runs.
 *
 * @throws {RpcError} -32602 for a path that is not absolute or malformed.
 */
export const workingDirectoryOf = (
  { working_directory: path }: { readonly working_directory?: string | undefined },
  { commands, paths }: Guest,
): string =>
  path === undefined ? commands.defaultDirectory : paths.normalize(path, "working_directory");
