/**
 * Root's hands in a guest, for what the agent cannot or must not do: scripts go over a port of their
 * own to guest/common/usr/local/sbin/kvmmanager-test-root.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";

/** What a script came to. */
export interface ScriptResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A script of root's failed, or was never answered. */
export class RootScriptError extends Error {
  override readonly name = "RootScriptError";
}

const ANSWER_REGEXP = /^(\S+) (\d+) =(\S*) =(\S*)$/;
/** What the guest may take, beside the script itself, under emulation. */
const SLACK_MS = 15_000;

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (base64: string) => new TextDecoder().decode(Uint8Array.fromBase64(base64));

/**
 * Runs a shell script as root in the guest. One at a time: another waits for the first.
 *
 * @param socket The host's side of the port.
 * @param timeoutMs When the guest ends it (status 124). It is not known to have run where no answer
 * comes at all.
 * @throws {RootScriptError} when the guest does not answer.
 */
export async function runAsRoot(
  socket: string,
  script: string,
  timeoutMs: number,
): Promise<ScriptResult> {
  const connection = await Deno.connect({ transport: "unix", path: socket });
  using _connection = connection;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    connection.close();
  }, timeoutMs + SLACK_MS);
  try {
    const id = crypto.randomUUID();
    const seconds = Math.max(1, Math.ceil(timeoutMs / 1000));
    // The newline before it ends what somebody else has left half said.
    let rest = encode(`\n${id} ${seconds} ${encode(script).toBase64()}\n`);
    while (rest.byteLength > 0) rest = rest.subarray(await connection.write(rest));
    const lines = connection.readable
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    for await (const line of lines) {
      const [, answered, status, stdout = "", stderr = ""] = ANSWER_REGEXP.exec(line) ?? [];
      if (answered !== id) continue;
      return { status: Number(status), stdout: decode(stdout), stderr: decode(stderr) };
    }
  } catch (error) {
    if (!isLate) throw error;
  } finally {
    clearTimeout(timer);
  }
  throw new RootScriptError(
    isLate
      ? `no answer from the guest's root shell within ${timeoutMs + SLACK_MS} ms`
      : "the guest's root shell is gone",
  );
}
