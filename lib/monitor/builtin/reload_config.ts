import { ConfigError } from "../../config/load.ts";
import { STATUS } from "../answer.ts";
import { CommandError, type CommandHandler } from "../monitor.ts";
import type { AgentParts } from "./parts.ts";

/**
 * `agent.ReloadConfig`: reads the configuration anew, as SIGHUP does, and drops no connection.
 *
 * `Changed` are the keys that are different now, `NeedRestart` those that take effect at the next
 * start, `Refused` what the configuration allows and Deno, as it was started, does not.
 */
export const reloadConfig = ({ reload }: AgentParts): CommandHandler => async () => {
  try {
    const { changed, needRestart, refusedByDeno } = await reload();
    const left = [...needRestart, ...refusedByDeno];
    return {
      Status: STATUS.ok,
      StatusMessage: left.length === 0 ? "" : `not before the next start: ${left.join(", ")}`,
      Changed: changed,
      NeedRestart: needRestart,
      Refused: refusedByDeno,
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CommandError(`the configuration before stays in effect: ${error.message}`);
  }
};
