/**
 * Converts a command's output for the reply.
 *
 * @module
 */

import { base64Capacity, fitText, jsonBytes } from "../../lib/base/json_text.ts";
import type { CapturedOutput, RunResult } from "../../lib/guest/commands.ts";
import type { Encoding } from "./_input.ts";

/** Both output streams in a result, or in the data of an error. */
export interface Outputs {
  readonly stdout: string;
  readonly stderr: string;
  readonly stdout_truncated: boolean;
  readonly stderr_truncated: boolean;
}

/**
 * Both outputs as text, within `room` bytes of JSON together. Each may use half; what one does not
 * need is available to the other.
 */
export function encodeOutputs(
  { stdout, stderr }: Pick<RunResult, "stdout" | "stderr">,
  encoding: Encoding,
  room: number,
): Outputs {
  const out = textOf(stdout, encoding);
  const err = textOf(stderr, encoding);
  const [outBytes, errBytes] = [jsonBytes(out), jsonBytes(err)];
  const half = Math.floor(room / 2);
  const outRoom = Math.max(half, room - errBytes);
  const keptOut = cut(out, outBytes, outRoom, encoding);
  const errRoom = Math.max(half, room - Math.min(outBytes, outRoom));
  const keptErr = cut(err, errBytes, Math.min(errRoom, room - jsonBytes(keptOut)), encoding);
  return {
    stdout: keptOut,
    stderr: keptErr,
    stdout_truncated: stdout.truncated || keptOut.length < out.length,
    stderr_truncated: stderr.truncated || keptErr.length < err.length,
  };
}

function textOf({ bytes, truncated }: CapturedOutput, encoding: Encoding): string {
  if (encoding === "base64") return bytes.toBase64();
  // In streaming mode an incomplete character at the end is left out instead of replaced.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes, { stream: truncated });
}

function cut(text: string, bytes: number, room: number, encoding: Encoding): string {
  if (bytes <= room) return text;
  return encoding === "utf8" ? fitText(text, room) : text.slice(0, base64Capacity(room) / 3 * 4);
}
