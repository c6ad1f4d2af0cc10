/**
 * Which programs a request may run, and where they are found.
 *
 * @module
 */

import { invalidParams, notFound, permissionDenied } from "../../base/errors.ts";
import { normalizePath } from "../../policy/paths.ts";

/** Where programs named without a directory are looked for, in this order. */
export const PROGRAM_DIRECTORIES = [
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
  "/sbin",
  "/bin",
] as const;

/** The same as the environment variable PATH of every child. */
export const PROGRAM_PATH = PROGRAM_DIRECTORIES.join(":");

/** The shell that runs the agent's own fixed scripts; nothing from the wire is ever its code. */
export const SHELL = "/bin/sh";

const EXECUTABLE_BITS = 0o111;

function isExecutableFile(path: string): boolean {
  try {
    // Synchronous: a few microseconds in the system's own directories, against a thread's turn.
    const info = Deno.statSync(path);
    return info.isFile && ((info.mode ?? 0) & EXECUTABLE_BITS) !== 0;
  } catch {
    return false;
  }
}

/** The path of a program named without a directory, links not resolved. */
function findOnPath(name: string): string | undefined {
  for (const directory of PROGRAM_DIRECTORIES) {
    const path = `${directory}/${name}`;
    if (isExecutableFile(path)) return path;
  }
  return undefined;
}

/**
 * The absolute path of the program that `command` names, allowed by the whitelist.
 *
 * A whitelist entry is an absolute path, which allows that path, or a bare name, which allows the
 * program that the name finds. Both are compared before links are followed: on a guest where
 * `/bin` is a link to `/usr/bin`, `/bin/id` and `/usr/bin/id` are two entries.
 *
 * @param whitelist `null` allows every program.
 * @throws {RpcError} -32602 for a malformed command, -32001 for one not allowed, -32002 for a bare
 * name that is not found.
 */
export function findProgram(command: string, whitelist: readonly string[] | null): string {
  const isBare = !command.includes("/");
  if (command === "" || command === "." || command === "..") {
    throw invalidParams("command must be a program's name or absolute path");
  }
  if (command.includes("\0")) throw invalidParams("command must not contain NUL");
  if (!isBare && !command.startsWith("/")) {
    throw invalidParams("command must be a bare name or an absolute path, not a relative one");
  }
  const path = isBare ? findOnPath(command) : normalizePath(command, "command");
  const isAllowed = whitelist === null ||
    path !== undefined && isWhitelisted(path, whitelist) ||
    // A name on the list that is not installed is not found rather than refused.
    path === undefined && whitelist.includes(command);
  if (!isAllowed) {
    const found = path === undefined || path === command ? "" : ` (found as ${path})`;
    throw permissionDenied(`${command}${found} is not in command_whitelist`, { command });
  }
  if (path === undefined) {
    throw notFound(`no program "${command}" in ${PROGRAM_PATH}`, { command });
  }
  return path;
}

function isWhitelisted(path: string, whitelist: readonly string[]): boolean {
  return whitelist.some((entry) =>
    entry.startsWith("/") ? entry === path : findOnPath(entry) === path
  );
}
