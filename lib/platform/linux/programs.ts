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

/**
 * The descriptor through which a child of the agent enters the control group for commands.
 * install/lib/start opens it as root, and the kernel checks a write to `cgroup.procs` with the rights
 * of whoever opened the file (cgroups(7); Linux 5.16).
 */
export const COMMANDS_GROUP_DESCRIPTOR = 9;

/**
 * The arguments with which {@link SHELL} runs a fixed script of the agent; `args` are its `$1`, `$2` …
 *
 * The script first closes {@link COMMANDS_GROUP_DESCRIPTOR}: commands have the same user, so one that
 * takes over the shell must not find the descriptor in it.
 */
export const scriptArgs = (code: string, ...args: readonly string[]): string[] => [
  "-c",
  `exec ${COMMANDS_GROUP_DESCRIPTOR}>&-\n${code}`,
  "sh",
  ...args,
];

/** The path of an installed program; `undefined` if there is none. */
export const programPath = (name: string): string | undefined =>
  PROGRAM_DIRECTORIES.map((directory) => `${directory}/${name}`).find(isExecutableFile);

/** Whether a program is installed. */
export const isInstalled = (name: string): boolean => programPath(name) !== undefined;

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
