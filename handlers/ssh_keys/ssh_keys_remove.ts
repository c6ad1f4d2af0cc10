import { method } from "../../lib/core/method.ts";
import { sshKeysRemoveOperation } from "../../lib/privileged/ssh_keys/ssh_keys_remove.ts";
import { managedRules } from "../_managed.ts";
import { perform, privileged } from "../_privileged.ts";

/** `ssh_keys_remove`: removes keys that a host has added. */
export const sshKeysRemove = method({
  ...privileged(sshKeysRemoveOperation),
  summary: "Removes keys that a host has added.",
  notes: [
    "The configuration has to list the user in `security.managed_users`. A pattern there does not reach root or users of the system: they have to be listed by name.",
    "Without `keys`, every key that a host has added is removed. A key in `keys` that somebody else " +
    "has added stays, and is counted in `kept_foreign`.",
  ],
  example: { params: { user: "deploy" }, result: { removed: 1, kept_foreign: 0 } },
  policy: ({ user }, services) => managedRules(services, "managed_users", "user", [user]),
  run: (params, context) => perform(sshKeysRemoveOperation, params, context),
});
