/**
 * `kvmmanager-agent command`: sends one command to the running agent.
 *
 * @module
 */

import { UsageError } from "../lib/base/command_line.ts";
import { messageOf } from "../lib/base/message_of.ts";
import { type CommandAnswer, refusal, STATUS } from "../lib/monitor/answer.ts";
import type { Platform } from "../lib/platform/platform.ts";
import { memberOf, NAME_MEMBERS } from "../lib/monitor/command_request.ts";
import { printLine } from "../lib/base/terminal.ts";
import type { CommandWords } from "./usage.ts";

/** Shells give higher exit statuses a special meaning. */
const MAX_EXIT_STATUS = 125;

/**
 * Sends the command, prints the answer and returns the exit status: the answer's `Status`, or 125
 * if that is out of range.
 *
 * @param configFile The file with the socket's path; `undefined` for the default file.
 * @throws {UsageError} if the fields are not a JSON object, or contain a command name.
 * @throws {ConfigError} if the configuration is invalid.
 */
export async function sendMonitorCommand(
  { name, json }: CommandWords,
  configFile: string | undefined,
  platform: Platform,
): Promise<number> {
  const fields = readFields(
    json === "-" ? await new Response(Deno.stdin.readable).text() : json ?? "{}",
  );
  const answer = await send({ ...fields, Name: name }, configFile, platform);
  printLine(JSON.stringify(answer, null, 2));
  const { Status: status } = answer;
  return status >= 0 && status <= MAX_EXIT_STATUS ? status : MAX_EXIT_STATUS;
}

async function send(
  request: Readonly<Record<string, unknown>>,
  configFile: string | undefined,
  platform: Platform,
): Promise<CommandAnswer> {
  const { config: { command_monitor: { enabled, pipe_path } }, source } = await platform.loadConfig(
    configFile,
  );
  if (enabled) return await platform.sendCommand(pipe_path, request);
  return refusal(STATUS.connection, `command_monitor.enabled is false (${source})`);
}

function readFields(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`the command's fields are not JSON: ${messageOf(error)}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError("the command's fields must be a JSON object");
  }
  const named = NAME_MEMBERS.find((member) => memberOf({ ...value }, member) !== undefined);
  if (named !== undefined) throw new UsageError(`"${named}" is already given by NAME; remove it`);
  return { ...value };
}
