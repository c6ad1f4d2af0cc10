import { method } from "../../lib/core/method.ts";
import { sshKeysListOperation } from "../../lib/privileged/ssh_keys/ssh_keys_list.ts";
import { managedRules } from "../_managed.ts";
import { perform, privileged } from "../_privileged.ts";

/** `ssh_keys_list`: lists the keys of a user. */
export const sshKeysList = method({
  ...privileged(sshKeysListOperation),
  summary: "Lists the keys with which a user may log in by SSH.",
  notes: [
    "The configuration has to list the user in `security.managed_users`. A pattern there does not reach root or users of the system: they have to be listed by name.",
    "The keys are those in `~/.ssh/authorized_keys`. `managed` are those that a host has added. The " +
    "first 500 are listed; `truncated` tells whether there are more.",
  ],
  example: {
    params: { user: "deploy" },
    result: {
      keys: [{
        type: "ssh-ed25519",
        fingerprint: "SHA256:LPvaevCLVoMBLB0vIVHdd1CzBA8+l8wpnQKnMIoOfvs",
        comment: "ci",
        managed: true,
      }],
      truncated: false,
    },
  },
  policy: ({ user }, services) => managedRules(services, "managed_users", "user", [user]),
  run: (params, context) => perform(sshKeysListOperation, params, context),
});
