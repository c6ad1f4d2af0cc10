/**
 * Scripts run as root in a guest, for what the agent cannot or must not do. They go over a separate
 * port to guest/common/usr/local/sbin/kvmmanager-test-root.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { Patience, slowdown } from "./patience.ts";

/** The result of a script. */
export interface ScriptResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A script failed, or the guest did not answer. */
export class RootScriptError extends Error {
  override readonly name = "RootScriptError";
}

const ANSWER_REGEXP = /^(\S+) (\d+) =(\S*) =(\S*)$/;
/** What the guest may need besides the script itself. */
const SLACK_MS = 15_000;

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (base64: string) => new TextDecoder().decode(Uint8Array.fromBase64(base64));

/**
 * Waits until the guest runs scripts, after a boot.
 *
 * @param deadlineMs Longer on a loaded machine.
 * @param hasEnded Whether the machine has ended meanwhile.
 * @throws {RootScriptError} if it does not in time.
 */
export async function rootReady(
  socket: string,
  deadlineMs: number,
  hasEnded: () => boolean,
): Promise<void> {
  const patience = new Patience(deadlineMs);
  for (;;) {
    try {
      await runAsRoot(socket, ":", 1000);
      return;
    } catch (error) {
      // A script that was sent before the guest listened is lost.
      if (!(error instanceof RootScriptError) || patience.isOver) throw error;
      if (hasEnded()) throw new Error("the guest ended instead of booting");
    }
  }
}

/**
 * Runs a shell script as root in the guest. One runs at a time; others wait.
 *
 * @param socket The host's side of the port.
 * @param timeoutMs When the guest ends it, with status 124; longer on a loaded machine. If no answer
 * comes at all, the script may or may not have run.
 * @throws {RootScriptError} if the guest does not answer.
 */
export async function runAsRoot(
  socket: string,
  script: string,
  timeoutMs: number,
): Promise<ScriptResult> {
  const connection = await Deno.connect({ transport: "unix", path: socket });
  using _connection = connection;
  let isLate = false;
  const answered = new AbortController();
  const watching = new Patience(timeoutMs + SLACK_MS).over(answered.signal).then(() => {
    if (answered.signal.aborted) return;
    isLate = true;
    connection.close();
  });
  try {
    const id = crypto.randomUUID();
    const seconds = Math.max(1, Math.ceil(timeoutMs * slowdown() / 1000));
    // The newline ends a message that somebody else has left incomplete.
    let rest = encode(`\n${id} ${seconds} ${encode(script).toBase64()}\n`);
    while (rest.byteLength > 0) rest = rest.subarray(await connection.write(rest));
    const lines = connection.readable
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    for await (const line of lines) {
      const [, answeredId, status, stdout = "", stderr = ""] = ANSWER_REGEXP.exec(line) ?? [];
      if (answeredId !== id) continue;
      return { status: Number(status), stdout: decode(stdout), stderr: decode(stderr) };
    }
  } catch (error) {
    if (!isLate) throw error;
  } finally {
    answered.abort();
    await watching;
  }
  throw new RootScriptError(
    isLate
      ? `no answer from the guest's root shell within ${timeoutMs + SLACK_MS} ms`
      : "the guest's root shell is gone",
  );
}
