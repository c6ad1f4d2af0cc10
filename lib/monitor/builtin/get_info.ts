import { VERSION } from "../../base/version.ts";
import { type CommandAnswer, STATUS } from "../answer.ts";
import type { MonitorContext } from "../context.ts";

const MS_PER_SECOND = 1000;

/** `agent.GetInfo`: version and process of the agent, and whether a host is connected. */
export const getInfo =
  ({ isConfined, channelName, host }: MonitorContext) => (): CommandAnswer => ({
    Status: STATUS.ok,
    StatusMessage: "",
    Version: VERSION,
    Pid: Deno.pid,
    // performance.now() counts from the start of the process.
    UptimeSeconds: Math.floor(performance.now() / MS_PER_SECOND),
    Confined: isConfined,
    Channel: { Name: channelName, Open: host.isOpen },
  });
