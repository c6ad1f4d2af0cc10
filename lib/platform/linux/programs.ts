/**
 * Finds programs on Linux.
 *
 * @module
 */

/** The directories in which a bare name is looked up, in this order. */
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

/** Whether the path names a regular file with an execute permission; follows symbolic links. */
export function isExecutableFile(path: string): boolean {
  try {
    // Synchronous: this takes a few microseconds in the system's own directories, far less than
    // handing it to another thread.
    const info = Deno.statSync(path);
    return info.isFile && ((info.mode ?? 0) & EXECUTABLE_BITS) !== 0;
  } catch {
    return false;
  }
}
