import * as z from "zod";
import { HostUnreachableError } from "../../channel/dialect.ts";
import { parseExactly } from "../../base/json_text.ts";
import { RateLimit } from "../../core/admission.ts";
import { explainIssues } from "../../base/schema_issues.ts";
import { STATUS } from "../answer.ts";
import { CommandError, type CommandHandler } from "../monitor.ts";
import type { AgentParts } from "./parts.ts";

const MAX_EVENTS_PER_SECOND = 10;
const MS_PER_SECOND = 1000;

const Fields = z.strictObject({
  Name: z.optional(z.string()),
  Command: z.optional(z.string()),
  Event: z.string().check(z.minLength(1), z.maxLength(128)),
  Data: z.optional(z.unknown()),
});

/**
 * `agent.SendEvent` `{Event, Data}`: sends the host the notification `event`.
 *
 * Its parameters are `event`, `data` (null where there is none), `source` and `timestamp` (seconds
 * since 1970). `source` is empty: Deno does not tell which process is at the other end of a socket,
 * and what a process says of itself proves nothing. An event that cannot be sent now is refused,
 * never kept.
 */
export function sendEvent({ host }: AgentParts): CommandHandler {
  const rate = new RateLimit(MAX_EVENTS_PER_SECOND);
  return ({ fields, text }) => {
    const checked = z.safeParse(Fields, fields);
    if (!checked.success) {
      const hidden = new Set(["Data"]);
      const problems = explainIssues(checked.error.issues, fields, { schema: Fields, hidden });
      throw new CommandError(problems.map(({ sentence }) => sentence).join("; "));
    }
    const waitMs = rate.take();
    if (waitMs > 0) {
      throw new CommandError(
        `over ${MAX_EVENTS_PER_SECOND} events a second: try again in ${waitMs} ms`,
      );
    }
    const params = {
      event: checked.data.Event,
      data: dataOf(text) ?? null,
      source: {},
      timestamp: Math.floor(Date.now() / MS_PER_SECOND),
    };
    try {
      host.notify({ name: "event", params });
    } catch (error) {
      if (!(error instanceof HostUnreachableError)) throw error;
      throw new CommandError(`the event was not sent: ${error.message}`);
    }
    return { Status: STATUS.ok, StatusMessage: "" };
  };
}

/** `Data` with its numbers as they were written. */
function dataOf(text: string): unknown {
  try {
    const request = parseExactly(text);
    return typeof request === "object" && request !== null && "Data" in request
      ? request.Data
      : undefined;
  } catch (error) {
    if (error instanceof RangeError) throw new CommandError("Data is nested too deeply");
    throw error;
  }
}
