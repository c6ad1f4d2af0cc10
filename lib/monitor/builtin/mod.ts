/**
 * The one list of the agent's own commands. A command is added by one file and one line here.
 *
 * @module
 */

import type { CommandHandler } from "../monitor.ts";
import { getInfo } from "./get_info.ts";
import { getStatus } from "./get_status.ts";
import type { AgentParts } from "./parts.ts";
import { ping } from "./ping.ts";
import { reloadConfig } from "./reload_config.ts";
import { sendEvent } from "./send_event.ts";

/** The handlers by their names. */
export const builtinCommands = (parts: AgentParts): Readonly<Record<string, CommandHandler>> => ({
  "agent.GetInfo": getInfo(parts),
  "agent.GetStatus": getStatus(parts),
  "agent.Ping": ping,
  "agent.ReloadConfig": reloadConfig(parts),
  "agent.SendEvent": sendEvent(parts),
});
