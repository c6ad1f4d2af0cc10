/**
 * One command to a command monitor, over any connection.
 *
 * @module
 */

import { withTimer } from "../base/waiting.ts";
import { writeAll } from "../base/write_all.ts";
import { type CommandAnswer, readAnswer, refusal, STATUS } from "../monitor/answer.ts";
import type { CommandConnection } from "../monitor/listener.ts";

/** Far more than any command monitor sends. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const READ_BYTES = 16 * 1024;

/** The answer of a client that could not reach the monitor, or got no answer of one. */
export const noConnection = (reason: string): CommandAnswer => refusal(STATUS.connection, reason);

/** What asking works with. */
export interface AskOptions {
  /** Milliseconds for the whole exchange. */
  readonly timeoutMs: number;
  /** What a failed read or write means. */
  readonly explain: (error: unknown) => string;
}

/**
 * Sends one command and returns its answer. If the connection fails, it returns an answer with
 * status 103 and a `Reason`. Leaves closing the connection to the caller.
 *
 * @param request An object with a `Name` and the command's other members.
 */
export async function askMonitor(
  connection: Pick<CommandConnection, "read" | "write">,
  request: Readonly<Record<string, unknown>>,
  { timeoutMs, explain }: AskOptions,
): Promise<CommandAnswer> {
  const bytes = new TextEncoder().encode(JSON.stringify(request));
  try {
    let answer = noConnection(`no answer within ${timeoutMs} ms`);
    await withTimer(timeoutMs, exchange(connection, bytes).then((text) => answer = parse(text)));
    return answer;
  } catch (error) {
    return noConnection(explain(error));
  }
}

async function exchange(
  connection: Pick<CommandConnection, "read" | "write">,
  request: Uint8Array,
): Promise<string> {
  await writeAll(connection, request);
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(READ_BYTES);
  let text = "";
  for (;;) {
    const read = await connection.read(buffer);
    if (read === null) return text;
    text += decoder.decode(buffer.subarray(0, read), { stream: true });
    if (text.length > MAX_ANSWER_BYTES) {
      throw new Error(`the answer has more than ${MAX_ANSWER_BYTES} bytes`);
    }
  }
}

function parse(text: string): CommandAnswer {
  if (text === "") return noConnection("the agent closed the connection without an answer");
  try {
    const answer = readAnswer(JSON.parse(text));
    if (answer !== undefined) return answer;
  } catch {
    // Not JSON: reported below.
  }
  return noConnection("the answer is not from a command monitor");
}
