/**
 * Runs a program whose standard output nobody reads any more, as behind `| head`, or that is full.
 *
 * @module
 */

import type { Program } from "./agent/_program.ts";

/** How such a program ended, and what it printed on standard error. */
export async function withoutReader(
  { words, env }: Program,
): Promise<{ readonly code: number; readonly stderr: string }> {
  const child = new Deno.Command("sh", {
    // It starts when the reader has gone.
    args: ["-c", 'read -r _; exec "$@"', "sh", ...words],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await child.stdout.cancel();
  await new Blob(["go\n"]).stream().pipeTo(child.stdin);
  const stderr = await new Response(child.stderr).text();
  return { code: (await child.status).code, stderr };
}

/** How a program ended whose standard output is a full disk, and what it printed on standard error. */
export async function withFullOutput(
  { words, env }: Program,
): Promise<{ readonly code: number; readonly stderr: string }> {
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'exec "$@" > /dev/full', "sh", ...words],
    env,
    stdin: "null",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}
