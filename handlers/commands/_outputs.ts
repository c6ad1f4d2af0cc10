/**
 * Converts a command's output for the reply.
 *
 * @module
 */

import { escapeUtf8 } from "../../lib/base/json_bytes.ts";
import {
  base64Capacity,
  base64Length,
  encodeBase64,
  fitText,
  jsonBytes,
  UnescapedBytes,
} from "../../lib/base/json_text.ts";
import { giveBuffer, takeBuffer } from "../../lib/base/memory/spare_buffers.ts";
import type { CapturedOutput, RunResult } from "../../lib/guest/commands.ts";
import type { Encoding } from "./_input.ts";

/** A longer output stays bytes: as strings, ten of them would take several megabytes. */
const LONG_BYTES = 4096;
/** The most bytes of JSON for one of an output: a byte that is not text becomes six. */
const MAX_ESCAPED_BYTES = 6;

/** Both output streams in a result. */
export interface Outputs<Text = string | UnescapedBytes> {
  readonly stdout: Text;
  readonly stderr: Text;
  readonly stdout_truncated: boolean;
  readonly stderr_truncated: boolean;
}

/** One output as far as it fits. */
interface Encoded {
  readonly text: string | UnescapedBytes;
  /** Bytes that it takes in JSON. */
  readonly bytes: number;
  readonly isWhole: boolean;
}

/**
 * Both outputs within `room` bytes of JSON together. Each may use half; what one does not need is
 * available to the other. The memory of what was captured is given back.
 */
export function encodeOutputs(
  { stdout, stderr }: Pick<RunResult, "stdout" | "stderr">,
  encoding: Encoding,
  room: number,
): Outputs {
  let out = encode(stdout, encoding, room);
  let err = encode(stderr, encoding, room);
  const outRoom = Math.max(Math.floor(room / 2), room - err.bytes);
  if (out.bytes > outRoom) out = encodeAgain(out, stdout, encoding, outRoom);
  const errRoom = room - out.bytes;
  if (err.bytes > errRoom) err = encodeAgain(err, stderr, encoding, errRoom);
  stdout.release?.();
  stderr.release?.();
  return {
    stdout: out.text,
    stderr: err.text,
    stdout_truncated: stdout.truncated || !out.isWhole,
    stderr_truncated: stderr.truncated || !err.isWhole,
  };
}

/** The same as strings, for the data of an error. */
export function outputTexts({ stdout, stderr, ...rest }: Outputs): Outputs<string> {
  return { stdout: stringOf(stdout), stderr: stringOf(stderr), ...rest };
}

function stringOf(text: string | UnescapedBytes): string {
  if (typeof text === "string") return text;
  const string = text.toJSON();
  text.release();
  return string;
}

function encode(output: CapturedOutput, encoding: Encoding, room: number): Encoded {
  if (output.bytes.byteLength <= LONG_BYTES) return encodeShort(output, encoding, room);
  return encoding === "base64" ? longBase64(output, room) : longText(output, room);
}

function encodeAgain(
  { text }: Encoded,
  output: CapturedOutput,
  encoding: Encoding,
  room: number,
): Encoded {
  if (typeof text !== "string") text.release();
  return encode(output, encoding, room);
}

function encodeShort(output: CapturedOutput, encoding: Encoding, room: number): Encoded {
  const whole = textOf(output, encoding);
  const text = encoding === "utf8"
    ? fitText(whole, room)
    : whole.slice(0, base64Length(base64Capacity(room)));
  return { text, bytes: jsonBytes(text), isWhole: text.length === whole.length };
}

function textOf({ bytes, truncated }: CapturedOutput, encoding: Encoding): string {
  if (encoding === "base64") return bytes.toBase64();
  // In streaming mode an incomplete character at the end is left out instead of replaced.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes, { stream: truncated });
}

function longBase64({ bytes }: CapturedOutput, room: number): Encoded {
  const fitting = bytes.subarray(0, base64Capacity(room));
  const buffer = takeBuffer(base64Length(fitting.byteLength));
  const text = encodeBase64(fitting, buffer, () => giveBuffer(buffer));
  return { text, bytes: text.length, isWhole: fitting.byteLength === bytes.byteLength };
}

function longText({ bytes, truncated }: CapturedOutput, room: number): Encoded {
  const size = Math.min(room, bytes.byteLength * MAX_ESCAPED_BYTES);
  const buffer = takeBuffer(size);
  const { length, isWhole } = escapeUtf8(bytes, buffer.subarray(0, size), { isCut: truncated });
  const text = new UnescapedBytes(buffer.subarray(0, length), () => giveBuffer(buffer));
  return { text, bytes: length, isWhole };
}
