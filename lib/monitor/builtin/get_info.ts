import { VERSION } from "../../base/version.ts";
import { type CommandAnswer, STATUS } from "../answer.ts";
import type { AgentParts } from "./parts.ts";

const MS_PER_SECOND = 1000;

/** `agent.GetInfo`: which agent this is, and whether a host is at the other end of its channel. */
export const getInfo = ({ isConfined, channelName, host }: AgentParts) => (): CommandAnswer => ({
  Status: STATUS.ok,
  StatusMessage: "",
  Version: VERSION,
  Pid: Deno.pid,
  // Counted from the start of the process.
  UptimeSeconds: Math.floor(performance.now() / MS_PER_SECOND),
  Confined: isConfined,
  Channel: { Name: channelName, Open: host.isOpen },
});
