/**
 * The list of the agent's methods. To add a method, add one file and one line here.
 *
 * @module
 */

import type { Method } from "../lib/core/method.ts";
import { execCommand } from "./commands/exec_command.ts";
import { directoryCreate } from "./files/directory_create.ts";
import { directoryRemove } from "./files/directory_remove.ts";
import { fileCommit } from "./files/file_commit.ts";
import { fileHash } from "./files/file_hash.ts";
import { fileList } from "./files/file_list.ts";
import { fileRead } from "./files/file_read.ts";
import { fileRemove } from "./files/file_remove.ts";
import { fileRename } from "./files/file_rename.ts";
import { fileStat } from "./files/file_stat.ts";
import { fileWrite } from "./files/file_write.ts";
import { fsFreeze } from "./filesystems/fs_freeze.ts";
import { fsFreezeStatus } from "./filesystems/fs_freeze_status.ts";
import { fsThaw } from "./filesystems/fs_thaw.ts";
import { fsTrim } from "./filesystems/fs_trim.ts";
import { getAgentInfo } from "./agent/get_agent_info.ts";
import { getDiskUsage } from "./facts/get_disk_usage.ts";
import { getMetrics } from "./facts/get_metrics.ts";
import { getNetworkInfo } from "./facts/get_network_info.ts";
import { getSystemInfo } from "./facts/get_system_info.ts";
import { eventsRead } from "./events/events_read.ts";
import { logList } from "./logs/log_list.ts";
import { logRead } from "./logs/log_read.ts";
import { jobForget } from "./jobs/job_forget.ts";
import { jobList } from "./jobs/job_list.ts";
import { jobRead } from "./jobs/job_read.ts";
import { jobResize } from "./jobs/job_resize.ts";
import { jobSignal } from "./jobs/job_signal.ts";
import { jobStart } from "./jobs/job_start.ts";
import { jobStatus } from "./jobs/job_status.ts";
import { jobWrite } from "./jobs/job_write.ts";
import { ping } from "./agent/ping.ts";
import { policyExplain } from "./agent/policy_explain.ts";
import { processList } from "./processes/process_list.ts";
import { processSignal } from "./processes/process_signal.ts";
import { reboot } from "./power/reboot.ts";
import { rpcCancel } from "./agent/rpc_cancel.ts";
import { rpcDiscover } from "./agent/rpc_discover.ts";
import { timeGet } from "./time/time_get.ts";
import { cloudInitApply } from "./cloud_init/cloud_init_apply.ts";
import { cloudInitStatus } from "./cloud_init/cloud_init_status.ts";
import { serviceList } from "./services/service_list.ts";
import { serviceStatus } from "./services/service_status.ts";
import { agentUpdate } from "./packages/agent_update.ts";
import { agentUpdateStatus } from "./packages/agent_update_status.ts";
import { packageList } from "./packages/package_list.ts";
import { packageInstall } from "./packages/package_install.ts";
import { packageRemove } from "./packages/package_remove.ts";
import { packageUpgrade } from "./packages/package_upgrade.ts";
import { packageUpdates } from "./packages/package_updates.ts";
import { userList } from "./users/user_list.ts";
import { timeSet } from "./time/time_set.ts";
import { userCreate } from "./users/user_create.ts";
import { userDelete } from "./users/user_delete.ts";
import { userSetGroups } from "./users/user_set_groups.ts";
import { userSetPassword } from "./users/user_set_password.ts";
import { sshKeysList } from "./ssh_keys/ssh_keys_list.ts";
import { sshKeysAdd } from "./ssh_keys/ssh_keys_add.ts";
import { sshKeysRemove } from "./ssh_keys/ssh_keys_remove.ts";
import { serviceControl } from "./services/service_control.ts";
import { shutdown } from "./power/shutdown.ts";

/**
 * The methods with the types of their parameters and results; the host's types are derived from
 * them.
 */
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
  fileRemove,
  fileRename,
  directoryCreate,
  directoryRemove,
  logRead,
  logList,
  fsFreeze,
  fsFreezeStatus,
  fsThaw,
  fsTrim,
  timeSet,
  userCreate,
  userDelete,
  userSetGroups,
  userSetPassword,
  sshKeysList,
  sshKeysAdd,
  sshKeysRemove,
  serviceControl,
  getMetrics,
  jobStart,
  jobRead,
  jobWrite,
  jobResize,
  jobSignal,
  jobStatus,
  jobList,
  jobForget,
  eventsRead,
  processList,
  processSignal,
  policyExplain,
  timeGet,
  serviceList,
  serviceStatus,
  userList,
  cloudInitStatus,
  packageList,
  packageUpdates,
  packageInstall,
  packageRemove,
  packageUpgrade,
  cloudInitApply,
  agentUpdate,
  agentUpdateStatus,
  rpcCancel,
  rpcDiscover,
] as const;

/** One of the agent's methods, typed. */
export type AnyMethod = (typeof ALL)[number];

/** Every method, in the order of the protocol, followed by additional ones. */
export const METHODS: readonly Method[] = ALL;
