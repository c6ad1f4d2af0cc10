import { argument, merge, object, option, optional, string, withDefault } from "@optique/core";
import { UsageError } from "../../../lib/base/command_line.ts";
import { messageOf } from "../../../lib/base/message_of.ts";
import { printLine } from "../../../lib/base/terminal.ts";
import { AnswerError } from "../../errors.ts";
import { METHOD_DESCRIPTIONS } from "../../protocol.ts";
import { defineCommand, lines, seconds, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printableJson } from "../printable.ts";
import { readStdin } from "../stdin.ts";
import { connectTarget } from "../target.ts";
import { callMany, fanOutOptions, isFanOut } from "./_fan_out.ts";

const DEFAULT_TIMEOUT_SECONDS = 30;
/** Over a fleet, every call has a deadline. */
const MAX_FLEET_SECONDS = 24 * 3600;
/** The largest possible `max_message_size_kb`. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const METHOD_NAMES = METHOD_DESCRIPTIONS.map(({ name }) => name);

/** `call`: calls any method with any parameters; prints the result or the error as JSON. */
export const call = defineCommand(
  {
    name: "call",
    brief: "Calls a method and prints the result, or the agent's error, as JSON.",
    details: ["Exit status: 0 for a result, 1 for an error answer, 2 without an answer."],
    examples: [
      "call ping --domain vm1",
      `call exec_command '{"command":"uptime"}' --socket /run/vm1.sock`,
      `call file_read - --domain vm1 < parameters.json`,
      "call ping --fleet nats://mq1:4222 --creds me.creds -l role=web",
    ],
  },
  merge(
    object({
      method: argument(words("METHOD", METHOD_NAMES), {
        description: lines(["a method of the protocol; see kvmmanager-ctl methods"]),
      }),
      params: optional(argument(string({ metavar: "JSON" }), {
        description: lines(["the parameters as an object, or - to read them from standard input"]),
      })),
      timeout: withDefault(
        option("--timeout", seconds(0, 9_999_999), {
          description: lines(["how long to wait for the answer (default 30; 0 waits forever)"]),
        }),
        DEFAULT_TIMEOUT_SECONDS,
      ),
    }),
    fanOutOptions,
  ),
  async ({ method, params, timeout, ...choice }, invocation) => {
    const { signal } = invocation;
    const text = params === "-"
      ? new TextDecoder().decode(await readStdin(signal, MAX_MESSAGE_BYTES))
      : params;
    const parsed = parseParams(text);
    if (isFanOut(choice, invocation)) {
      const timeoutMs = 1000 * Math.min(MAX_FLEET_SECONDS, timeout || MAX_FLEET_SECONDS);
      return await callMany({ method, params: parsed, timeoutMs }, choice, invocation);
    }
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const options = { timeoutMs: timeout * 1000, signal, cancelInGuest: true };
    try {
      printLine(printableJson(await client.callUnchecked(method, parsed, options), 2));
      return EXIT.ok;
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      printLine(printableJson(error, 2));
      return EXIT.errorAnswer;
    }
  },
);

function parseParams(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`the parameters are not valid JSON: ${messageOf(error)}`);
  }
}
