/**
 * Controlling a service, for `service NAME ACTION`.
 *
 * @module
 */

import { UsageError } from "../../../lib/base/command_line.ts";
import { printError, printLine } from "../../../lib/base/terminal.ts";
import { AnswerError } from "../../errors.ts";
import type { Invocation } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

/** What can be done to a service. */
export const SERVICE_ACTIONS = [
  "start",
  "stop",
  "restart",
  "reload",
  "enable",
  "disable",
] as const;
/** The agent's own limit is two minutes. */
const TIMEOUT_MS = 150_000;

/**
 * Controls a service. If that fails, the end of its log is printed.
 *
 * @throws {UsageError} for an unknown action.
 */
export async function controlService(
  unit: string,
  word: string,
  invocation: Invocation,
): Promise<number> {
  const action = SERVICE_ACTIONS.find((known) => known === word);
  if (action === undefined) {
    throw new UsageError(`ACTION must be ${SERVICE_ACTIONS.join(", ")}, received "${word}"`);
  }
  const { signal, json } = invocation;
  const { client } = await connectTarget(invocation);
  await using _client = client;
  try {
    const options = { signal, timeoutMs: TIMEOUT_MS };
    const result = await client.call("service_control", { unit, action }, options);
    printLine(
      json ? printableJson(result) : `${printable(result.unit)} ${printable(result.active_state)}`,
    );
  } catch (error) {
    for (const line of logOf(error)) printError(printable(line));
    throw error;
  }
  return EXIT.ok;
}

/** The end of the service's log, from the data of an error. */
function logOf(error: unknown): string[] {
  if (!(error instanceof AnswerError)) return [];
  const { data } = error;
  if (typeof data !== "object" || data === null || !("log" in data)) return [];
  return Array.isArray(data.log) ? data.log.map(String) : [];
}
