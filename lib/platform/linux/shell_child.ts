/**
 * Starts the agent's fixed scripts in the shell, with pipes for input and output.
 *
 * @module
 */

import { PROGRAM_PATH, SHELL } from "./programs.ts";

/** What differs between the agent's shells. */
export interface ShellChildOptions {
  /** What becomes of standard error. @default {"null"} */
  readonly stderr?: "null" | "piped";
  /**
   * Whether it leads its own process group: it can be killed as a whole, and a Ctrl-C for the agent
   * does not interrupt it halfway. @default {true}
   */
  readonly detached?: boolean;
}

/**
 * Starts a shell in a clean environment.
 *
 * @param args The shell's arguments, beginning with `-c` and a fixed script; nothing from the wire is
 * ever code.
 */
export const spawnShell = (
  args: readonly string[],
  { stderr = "null", detached = true }: ShellChildOptions = {},
): Deno.ChildProcess =>
  new Deno.Command(SHELL, {
    args: [...args],
    cwd: "/",
    clearEnv: true,
    env: { PATH: PROGRAM_PATH, LC_ALL: "C" },
    stdin: "piped",
    stdout: "piped",
    stderr,
    detached,
  }).spawn();
