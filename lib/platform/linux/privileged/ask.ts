/**
 * One request to a broker.
 *
 * @module
 */

import { commandFailed, RpcError } from "../../../base/errors.ts";
import { messageOf } from "../../../base/message_of.ts";
import type { LineReader } from "../../../privileged/line_reader.ts";
import {
  type BrokerAnswer,
  errorFrom,
  lineOf,
  MAX_MESSAGE_BYTES,
  parseAnswer,
} from "../../../privileged/messages.ts";
import type { BrokerLink } from "./broker_link.ts";
import { writeAll } from "../../../base/write_all.ts";

/**
 * Sends a request and waits for its result.
 *
 * @throws {RpcError} as the operation does, and -32000 if there is no answer.
 */
export async function ask(
  link: BrokerLink,
  lines: LineReader,
  operation: string,
  params: unknown,
): Promise<unknown> {
  const bytes = lineOf({ operation, params, sent_at_ms: Date.now() });
  if (bytes.byteLength > MAX_MESSAGE_BYTES) {
    throw commandFailed(`the broker takes requests up to ${MAX_MESSAGE_BYTES} bytes`);
  }
  let answer: BrokerAnswer | undefined;
  try {
    await sendAll(link, bytes);
    const line = await lines.next();
    if (line === undefined) {
      throw commandFailed(`the broker ended without an answer to ${operation}; see its log`);
    }
    answer = parseAnswer(line);
  } catch (error) {
    if (error instanceof RpcError) throw error;
    throw commandFailed(`the connection to the broker failed: ${messageOf(error)}`);
  }
  if (answer !== undefined && "result" in answer) return answer.result;
  if (answer !== undefined && "error" in answer) throw errorFrom(answer.error);
  throw commandFailed(`the broker's answer to ${operation} makes no sense`);
}

/** A broker that has already ended may still have answered. */
async function sendAll(link: BrokerLink, bytes: Uint8Array): Promise<void> {
  try {
    await writeAll(link, bytes);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
