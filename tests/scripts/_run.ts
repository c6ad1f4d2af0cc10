/**
 * Running the project's scripts as processes of their own.
 *
 * @module
 */

/** The root of the repository. */
export const ROOT = new URL("../../", import.meta.url);

/** How a process ended and what it printed. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A script, ready to be started; neither its output nor its errors are coloured.
 *
 * @param env Changes to the environment of the test; `undefined` takes a variable away.
 */
export function script(
  path: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string | undefined>> = {},
): Deno.Command {
  const variables = Object.entries({ ...Deno.env.toObject(), NO_COLOR: "1", ...env });
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", path, ...args],
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
export async function runScript(...options: Parameters<typeof script>): Promise<Ended> {
  const { code, stdout, stderr } = await script(...options).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A temporary directory that is removed with all that is in it. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "kvmmanager-scripts-" }));
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** The ids of the processes in whose command lines a text stands. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const commandLine = await Deno.readTextFile(`/proc/${name}/cmdline`);
      if (commandLine.includes(text)) found.push(Number(name));
    } catch {
      // Ended while we were looking.
    }
  }
  return found;
}
