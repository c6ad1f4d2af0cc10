import { type CommandAnswer, STATUS } from "../answer.ts";

/** `agent.Ping`: the agent is alive. Anything else in the request is of no account. */
export const ping = (): CommandAnswer => ({ Status: STATUS.ok, StatusMessage: "" });
