/**
 * Running `deno compile`, and saying in one line why it failed.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";

/** How long a server has to answer before it counts as out of reach. */
const REACH_LIMIT_MS = 10_000;

/** The runtime that binaries are made of cannot be had; the message says what to provide. */
export class NoRuntimeError extends Error {
  override readonly name = "NoRuntimeError";
}

/** `deno compile` failed; the message has its reasons. */
export class DenoFailedError extends Error {
  override readonly name = "DenoFailedError";
}

/**
 * Runs `deno compile` for a target; what it prints is shown only, and shortened, where it fails.
 *
 * @throws {NoRuntimeError} when it needs to download the runtime and cannot.
 * @throws {DenoFailedError} when it fails otherwise.
 */
export async function runDenoCompile(target: string, args: readonly string[]): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["compile", ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const said: string[] = [];
  let download: URL | undefined;
  const lines = child.stderr.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of lines) {
    said.push(line);
    const address = /^Download (\S+)/.exec(line)?.[1];
    if (address === undefined || download !== undefined) continue;
    download = new URL(address);
    // Deno itself would wait for minutes where a network swallows what is sent to it.
    void isReachable(download).then((isThere) => isThere || end(child));
  }
  const { success } = await child.status;
  if (success) return;
  if (download !== undefined) throw new NoRuntimeError(await runtimeAdvice(target));
  throw new DenoFailedError(`deno compile failed: ${reasons(said)}`);
}

async function isReachable(address: URL): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(REACH_LIMIT_MS);
    const response = await fetch(address, { method: "HEAD", signal });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

function end(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // Ended already.
  }
}

async function runtimeAdvice(target: string): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const info: unknown = JSON.parse(new TextDecoder().decode(stdout));
  const directory = typeof info === "object" && info !== null && "denoDir" in info
    ? info.denoDir
    : "$DENO_DIR";
  return `the runtime denort is not here and cannot be downloaded: set ` +
    `DENORT_BIN=/path/to/denort, or provide ${directory}/dl/release/v${Deno.version.deno}/` +
    `denort-${target}.zip`;
}

/** The reasons that Deno gives, without its backtrace. */
function reasons(said: readonly string[]): string {
  const causes = said.map((line) => /^\s+\d+: (?!<unknown>)(.+)$/.exec(line)?.[1])
    .filter((cause) => cause !== undefined);
  if (causes.length > 0) return causes.join(": ");
  return said.find((line) => line.startsWith("error: "))?.slice("error: ".length) ?? said.join(" ");
}
