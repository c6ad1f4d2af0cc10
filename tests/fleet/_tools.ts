/**
 * The programs that these tests need.
 *
 * @module
 */

const PACKAGES = "apt-get install ansible-core lintian man-db nats-server prometheus systemd";

/** Runs a program to its end; fails with the packages to install if it is missing. */
export async function run(
  program: string,
  args: readonly string[],
  { input = "", ...options }: Deno.CommandOptions & { readonly input?: string } = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(program, args, {
    ...options,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const feeding = new Blob([input]).stream().pipeTo(child.stdin).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  await feeding;
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Starts a program; fails with the packages to install if it is missing. */
export function spawn(
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions,
): Deno.ChildProcess {
  try {
    return new Deno.Command(program, { ...options, args: [...args] }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`${program} is missing (Debian: ${PACKAGES})`);
  }
}
