/**
 * The list of the operations that need root. To add one, add one file and one line here.
 *
 * @module
 */

import type { Operation } from "./operation.ts";
import { cloudInitApplyAsRoot } from "./cloud_init/cloud_init_apply.ts";
import { agentUpdateAsRoot } from "./updates/agent_update.ts";
import { agentUpdateStatusAsRoot } from "./updates/agent_update_status.ts";
import { fsFreezeAsRoot } from "./fs_freeze.ts";
import { fsFreezeStatusAsRoot } from "./fs_freeze_status.ts";
import { fsThawAsRoot } from "./fs_thaw.ts";
import { fsTrimAsRoot } from "./fs_trim.ts";
import { packageInstallAsRoot } from "./packages/package_install.ts";
import { packageRemoveAsRoot } from "./packages/package_remove.ts";
import { packageUpgradeAsRoot } from "./packages/package_upgrade.ts";
import { processSignalAsRoot } from "./process_signal.ts";
import { serviceControlAsRoot } from "./service_control.ts";
import { sshKeysAddAsRoot } from "./ssh_keys/ssh_keys_add.ts";
import { sshKeysListAsRoot } from "./ssh_keys/ssh_keys_list.ts";
import { sshKeysReadAsRoot } from "./ssh_keys/ssh_keys_read.ts";
import { sshKeysRemoveAsRoot } from "./ssh_keys/ssh_keys_remove.ts";
import { sshKeysResetAsRoot } from "./ssh_keys/ssh_keys_reset.ts";
import { suspendAsRoot } from "./suspend.ts";
import { timeSetAsRoot } from "./time_set.ts";
import { userCreateAsRoot } from "./users/user_create.ts";
import { userDeleteAsRoot } from "./users/user_delete.ts";
import { userSetGroupsAsRoot } from "./users/user_set_groups.ts";
import { userSetPasswordAsRoot } from "./users/user_set_password.ts";

/** Every operation. */
export const OPERATIONS: readonly Operation[] = [
  cloudInitApplyAsRoot,
  agentUpdateAsRoot,
  agentUpdateStatusAsRoot,
  fsFreezeAsRoot,
  fsFreezeStatusAsRoot,
  fsThawAsRoot,
  fsTrimAsRoot,
  packageInstallAsRoot,
  packageRemoveAsRoot,
  packageUpgradeAsRoot,
  processSignalAsRoot,
  serviceControlAsRoot,
  sshKeysAddAsRoot,
  sshKeysListAsRoot,
  sshKeysReadAsRoot,
  sshKeysRemoveAsRoot,
  sshKeysResetAsRoot,
  suspendAsRoot,
  timeSetAsRoot,
  userCreateAsRoot,
  userDeleteAsRoot,
  userSetGroupsAsRoot,
  userSetPasswordAsRoot,
];
