import { ConfigError } from "../../config/load.ts";
import { STATUS } from "../answer.ts";
import type { MonitorContext } from "../context.ts";
import { CommandError, type CommandHandler } from "../monitor.ts";

/**
 * `agent.ReloadConfig`: reloads the configuration, as SIGHUP does, without dropping connections.
 *
 * `Changed` lists the keys whose new values took effect, `NeedRestart` those that take effect after
 * a restart, `Refused` what the configuration allows but Deno refuses, because this process was
 * started without it.
 */
export const reloadConfig = ({ reload }: MonitorContext): CommandHandler => async () => {
  try {
    const { changed, needRestart, refusedByDeno } = await reload();
    const left = [...needRestart, ...refusedByDeno];
    return {
      Status: STATUS.ok,
      StatusMessage: left.length === 0 ? "" : `takes effect after a restart: ${left.join(", ")}`,
      Changed: changed,
      NeedRestart: needRestart,
      Refused: refusedByDeno,
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CommandError(`the previous configuration stays in effect: ${error.message}`);
  }
};
