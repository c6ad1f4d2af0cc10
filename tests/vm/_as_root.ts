/**
 * Scripts that mount and change owners on this machine, without a guest.
 *
 * @module
 */

/** How a script has ended, and what it printed. */
export interface Result {
  readonly code: number;
  readonly output: string;
}

/** Runs a script as root in a mount namespace of its own. */
export async function asRoot(script: string): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: [
      "--mount",
      ...Deno.uid() === 0 ? [] : ["--map-root-user", "--map-auto"],
      ...["/bin/sh", "-c", script],
    ],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, output: decode(stdout) + decode(stderr) };
}
