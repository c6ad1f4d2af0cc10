/**
 * Running the project's scripts as processes.
 *
 * @module
 */

import { type Outcome, outcomeOf, ROOT } from "../_deno.ts";

/**
 * A script, ready to be started, with uncoloured output.
 *
 * @param env Changes to the test's environment; `undefined` removes a variable.
 */
export function script(
  path: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string | undefined>> = {},
): Deno.Command {
  const variables = Object.entries({ ...Deno.env.toObject(), NO_COLOR: "1", ...env });
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", path, ...args],
    cwd: ROOT,
    clearEnv: true,
    env: Object.fromEntries(
      variables.filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs a script to its end. */
export async function runScript(...options: Parameters<typeof script>): Promise<Outcome> {
  return await outcomeOf(script(...options).spawn());
}

/** The ids of the processes whose command lines contain this text. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const commandLine = await Deno.readTextFile(`/proc/${name}/cmdline`);
      if (commandLine.includes(text)) found.push(Number(name));
    } catch {
      // It ended in the meantime.
    }
  }
  return found;
}
