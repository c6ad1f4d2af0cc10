/**
 * Runs `deno compile` and explains failures in one line.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";

/** Milliseconds until a server that does not answer counts as unreachable. */
const REACH_LIMIT_MS = 10_000;

/** The denort runtime is missing and cannot be downloaded; the message says what to provide. */
export class NoRuntimeError extends Error {
  override readonly name = "NoRuntimeError";
}

/** `deno compile` failed; the message has Deno's reasons. */
export class DenoFailedError extends Error {
  override readonly name = "DenoFailedError";
}

/**
 * Runs `deno compile` for a target. Its output is discarded unless it fails.
 *
 * @throws {NoRuntimeError} when the runtime is missing and cannot be downloaded.
 * @throws {DenoFailedError} when compiling fails for another reason.
 */
export async function runDenoCompile(target: string, args: readonly string[]): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["compile", ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const output: string[] = [];
  let download: URL | undefined;
  const lines = child.stderr.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of lines) {
    output.push(line);
    const address = /^Download (\S+)/.exec(line)?.[1];
    if (address === undefined || download !== undefined) continue;
    download = new URL(address);
    // Deno itself waits for minutes on a network that drops packets.
    void isReachable(download).then((isThere) => isThere || kill(child));
  }
  const { success } = await child.status;
  if (success) return;
  if (download !== undefined) throw new NoRuntimeError(await runtimeAdvice(target));
  throw new DenoFailedError(`deno compile failed: ${reasonsIn(output)}`);
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

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has already exited.
  }
}

async function runtimeAdvice(target: string): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const info: unknown = JSON.parse(new TextDecoder().decode(stdout));
  const directory = typeof info === "object" && info !== null && "denoDir" in info
    ? info.denoDir
    : "$DENO_DIR";
  return `the denort runtime is missing and cannot be downloaded: set ` +
    `DENORT_BIN=/path/to/denort, or provide ${directory}/dl/release/v${Deno.version.deno}/` +
    `denort-${target}.zip`;
}

/** The reasons in what Deno printed, without its backtrace, whose frames look like reasons. */
export function reasonsIn(output: readonly string[]): string {
  const end = output.findIndex((line) => /^\s*Stack backtrace:/.test(line));
  const said = end < 0 ? output : output.slice(0, end);
  const causes = said.map((line) => /^\s+\d+: (.+)$/.exec(line)?.[1])
    .filter((cause) => cause !== undefined);
  if (causes.length > 0) return causes.join(": ");
  return said.find((line) => line.startsWith("error: "))?.slice("error: ".length) ??
    said.join(" ");
}
