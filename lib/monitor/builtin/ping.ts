import { type CommandAnswer, STATUS } from "../answer.ts";

/** `agent.Ping`: checks that the agent is alive. Ignores all other members of the request. */
export const ping = (): CommandAnswer => ({ Status: STATUS.ok, StatusMessage: "" });
