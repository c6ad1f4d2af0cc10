/**
 * The list of the operations that need root. To add one, add one file and one line here.
 *
 * @module
 */

import type { Operation } from "./operation.ts";
import { cloudInitApplyOperation } from "./cloud_init/cloud_init_apply.ts";
import { agentUpdateOperation } from "./updates/agent_update.ts";
import { agentUpdateStatusOperation } from "./updates/agent_update_status.ts";
import { fsFreezeOperation } from "./fs_freeze.ts";
import { fsFreezeStatusOperation } from "./fs_freeze_status.ts";
import { fsThawOperation } from "./fs_thaw.ts";
import { fsTrimOperation } from "./fs_trim.ts";
import { packageInstallOperation } from "./packages/package_install.ts";
import { packageRemoveOperation } from "./packages/package_remove.ts";
import { packageUpgradeOperation } from "./packages/package_upgrade.ts";
import { processSignalOperation } from "./process_signal.ts";
import { serviceControlOperation } from "./service_control.ts";
import { sshKeysAddOperation } from "./ssh_keys/ssh_keys_add.ts";
import { sshKeysListOperation } from "./ssh_keys/ssh_keys_list.ts";
import { sshKeysReadOperation } from "./ssh_keys/ssh_keys_read.ts";
import { sshKeysRemoveOperation } from "./ssh_keys/ssh_keys_remove.ts";
import { sshKeysResetOperation } from "./ssh_keys/ssh_keys_reset.ts";
import { suspendOperation } from "./suspend.ts";
import { timeSetOperation } from "./time_set.ts";
import { userCreateOperation } from "./users/user_create.ts";
import { userDeleteOperation } from "./users/user_delete.ts";
import { userSetGroupsOperation } from "./users/user_set_groups.ts";
import { userSetPasswordOperation } from "./users/user_set_password.ts";

/** Every operation. */
export const OPERATIONS: readonly Operation[] = [
  cloudInitApplyOperation,
  agentUpdateOperation,
  agentUpdateStatusOperation,
  fsFreezeOperation,
  fsFreezeStatusOperation,
  fsThawOperation,
  fsTrimOperation,
  packageInstallOperation,
  packageRemoveOperation,
  packageUpgradeOperation,
  processSignalOperation,
  serviceControlOperation,
  sshKeysAddOperation,
  sshKeysListOperation,
  sshKeysReadOperation,
  sshKeysRemoveOperation,
  sshKeysResetOperation,
  suspendOperation,
  timeSetOperation,
  userCreateOperation,
  userDeleteOperation,
  userSetGroupsOperation,
  userSetPasswordOperation,
];
