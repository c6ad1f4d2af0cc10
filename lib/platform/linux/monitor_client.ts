/**
 * Sends a command to the running agent, as any other program would.
 *
 * @module
 */

import { closeQuietly } from "../../base/close_quietly.ts";
import { withTimer } from "../../base/waiting.ts";
import { type CommandAnswer, readAnswer, refusal, STATUS } from "../../monitor/answer.ts";
import { socketErrorReason } from "./unix_socket.ts";
import { writeAll } from "../../base/write_all.ts";

/** Options for sending a command. */
export interface SendOptions {
  /** Milliseconds for the whole exchange. @default {60000} */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
/** Far more than any command monitor sends. */
const MAX_ANSWER_BYTES = 1024 * 1024;
const READ_BYTES = 16 * 1024;

const noConnection = (reason: string): CommandAnswer => refusal(STATUS.connection, reason);

/**
 * Sends one command and returns its answer. If the connection fails, it returns an answer with
 * status 103 and a `Reason`, like other clients of the protocol.
 *
 * @param path The monitor's unix socket.
 * @param request An object with a `Name` and the command's other members.
 */
export async function sendCommand(
  path: string,
  request: Readonly<Record<string, unknown>>,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: SendOptions = {},
): Promise<CommandAnswer> {
  const bytes = new TextEncoder().encode(JSON.stringify(request));
  let connection: Deno.UnixConn;
  try {
    connection = await Deno.connect({ transport: "unix", path });
  } catch (error) {
    return noConnection(explainConnect(path, error));
  }
  try {
    let answer = noConnection(`no answer within ${timeoutMs} ms`);
    await withTimer(timeoutMs, exchange(connection, bytes).then((text) => answer = parse(text)));
    return answer;
  } catch (error) {
    return noConnection(socketErrorReason(error, path));
  } finally {
    closeQuietly(connection);
  }
}

async function exchange(connection: Deno.UnixConn, request: Uint8Array): Promise<string> {
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

function explainConnect(path: string, error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return `${path}: the socket does not exist`;
  if (error instanceof Deno.errors.ConnectionRefused) {
    return `${path}: no process serves this socket`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `${path}: permission denied; command_monitor.pipe_group says who may connect`;
  }
  return `${path}: ${socketErrorReason(error, path)}`;
}
