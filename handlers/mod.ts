/**
 * The one list of the agent's methods. A method is added by one file and one line here.
 *
 * @module
 */

import type { Method } from "../lib/rpc/method.ts";
import { execCommand } from "./exec_command.ts";
import { fileCommit } from "./file_commit.ts";
import { fileHash } from "./file_hash.ts";
import { fileList } from "./file_list.ts";
import { fileRead } from "./file_read.ts";
import { fileStat } from "./file_stat.ts";
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

/** The methods with the types of their parameters and results, from which the host's are derived. */
const ALL = [
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
  fileStat,
  fileHash,
  fileList,
  fileCommit,
  rpcCancel,
  rpcDiscover,
] as const;

/** One of the agent's methods, typed. */
export type AnyMethod = (typeof ALL)[number];

/** Every method, in the order of the protocol, ours after it. */
export const METHODS: readonly Method[] = ALL;
