/**
 * Runs Deno processes from tests, to their end or while a test watches.
 *
 * Every one of them is started with `--quiet`: with an empty cache Deno reports its downloads on
 * standard error, which tests compare.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { within } from "./_waiting.ts";

/** The root of the repository, ending in a slash. */
export const ROOT = fromFileUrl(new URL("..", import.meta.url));

/** Long enough for `deno bundle` on a loaded core. */
const DEADLINE_MS = 300_000;

/** How a program ended and what it printed. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Waits for a child's end and decodes its output; one that overruns is killed and fails the test. */
export async function outcomeOf(child: Deno.ChildProcess): Promise<Outcome> {
  try {
    const { code, stdout, stderr } = await within(child.output(), "a program's end", DEADLINE_MS);
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } catch (error) {
    child.kill("SIGKILL");
    await child.status;
    throw error;
  }
}

/** Runs `deno` with these arguments to its end; `input` becomes its standard input. */
export async function runDeno(args: readonly string[], input = ""): Promise<Outcome> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    // deno.json is looked for here, and a test beside this one may have changed the directory.
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const feeding = new Blob([input]).stream().pipeTo(child.stdin).catch(() => {});
  const outcome = await outcomeOf(child);
  await feeding;
  return outcome;
}

/** A script below tests/, ready to be started with Deno's `flags` and its own `args`. */
export function testScript(
  path: string,
  { flags = ["-A"], args = [] }: { flags?: readonly string[]; args?: readonly string[] } = {},
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      `--config=${ROOT}deno.json`,
      ...flags,
      `${ROOT}tests/${path}`,
      ...args,
    ],
    cwd: "/",
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/**
 * Runs a script below tests/ in its own process: for what belongs to a whole process, such as its
 * working directory, umask or permissions, and must not reach other tests.
 */
export async function runTestScript(...options: Parameters<typeof testScript>): Promise<Outcome> {
  return await outcomeOf(testScript(...options).spawn());
}
