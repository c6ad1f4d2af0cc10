/**
 * Commands of the monitor that the audit file tells of.
 *
 * @module
 */

import type { Audit } from "../audit/audit.ts";
import { messageOf } from "../base/message_of.ts";
import { STATUS } from "./answer.ts";
import type { CommandHandler } from "./monitor.ts";

/** Those that change what the host may do; the others tell something, or tell the host something. */
export const AUDITED_COMMANDS: readonly string[] = ["agent.ReloadConfig"];

/** The handler, with what it does written down before and after. */
export function audited(audit: Audit, what: string, handler: CommandHandler): CommandHandler {
  if (!audit.isKept || !AUDITED_COMMANDS.includes(what)) return handler;
  return async (request, context) => {
    const entry = await audit.begin({ who: "monitor", what, target: {} });
    try {
      const answer = await handler(request, context);
      const { Status: code, StatusMessage: reason } = answer;
      await entry.end(code === STATUS.ok ? {} : { code, reason });
      return answer;
    } catch (error) {
      await entry.end({ code: STATUS.handlerFailed, reason: messageOf(error) }).catch(() => {});
      throw error;
    }
  };
}
