import * as z from "zod";
import { parseExactly } from "../../base/json_text.ts";
import { lazily } from "../../base/lazily.ts";
import { explainIssues } from "../../base/schema_issues.ts";
import { STATUS } from "../answer.ts";
import { handlerFields, memberOf } from "../command_request.ts";
import type { MonitorContext } from "../context.ts";
import { CommandError, type CommandHandler } from "../monitor.ts";

const fieldsSchema = lazily(() =>
  z.strictObject({
    Event: z.string().check(z.minLength(1), z.maxLength(128)),
    Data: z.optional(z.unknown()),
  })
);

/**
 * `agent.SendEvent` `{Event, Data}`: an event for the host, which answers with its number, `Seq`.
 *
 * It is kept in the journal of events, whether or not a host is connected, and sent as the
 * notification `event` if one is. The notification's parameters are `event`, `data` (null by
 * default), `source`, `timestamp` (seconds since 1970) and `seq`. `source` is empty: Deno does not
 * report which process is at the other end of a socket, and a process's claim about itself proves
 * nothing.
 */
export const sendEvent =
  ({ sendEvent }: MonitorContext): CommandHandler => async ({ fields, text }) => {
    const schema = fieldsSchema();
    const given = handlerFields(fields, Object.keys(schema.shape));
    const checked = z.safeParse(schema, given);
    if (!checked.success) {
      const hidden = new Set(["Data"]);
      const problems = explainIssues(checked.error.issues, given, { schema, hidden });
      throw new CommandError(problems.map(({ sentence }) => sentence).join("; "));
    }
    const seq = await sendEvent({
      event: checked.data.Event,
      data: exactly(checked.data.Data, text) ?? null,
    });
    return { Status: STATUS.ok, StatusMessage: "", ...(seq === undefined ? {} : { Seq: seq }) };
  };

/** `Data` with its numbers exactly as written; a text has none, and is not parsed again. */
const exactly = (data: unknown, request: string): unknown =>
  typeof data === "string" ? data : dataOf(request);

function dataOf(text: string): unknown {
  try {
    const request = parseExactly(text);
    if (typeof request !== "object" || request === null) return undefined;
    return memberOf({ ...request }, "Data");
  } catch (error) {
    if (error instanceof RangeError) throw new CommandError("Data is nested too deeply");
    throw error;
  }
}
