/**
 * The one list of the agent's methods. A method is added by one file and one line here.
 *
 * @module
 */

import type { Method } from "../lib/rpc/method.ts";
import { execCommand } from "./exec_command.ts";
import { fileRead } from "./file_read.ts";
import { fileWrite } from "./file_write.ts";
import { getAgentInfo } from "./get_agent_info.ts";
import { getDiskUsage } from "./get_disk_usage.ts";
import { getNetworkInfo } from "./get_network_info.ts";
import { getSystemInfo } from "./get_system_info.ts";
import { ping } from "./ping.ts";
import { reboot } from "./reboot.ts";
import { rpcCancel } from "./rpc_cancel.ts";
import { rpcDiscover } from "./rpc_discover.ts";
import { shutdown } from "./shutdown.ts";

/** Every method, in the order of the protocol. */
export const METHODS: readonly Method[] = [
  ping,
  getAgentInfo,
  getSystemInfo,
  getNetworkInfo,
  execCommand,
  fileRead,
  fileWrite,
  shutdown,
  reboot,
  getDiskUsage,
  rpcCancel,
  rpcDiscover,
];
