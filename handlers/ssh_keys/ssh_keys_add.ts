import { method } from "../../lib/core/method.ts";
import { sshKeysAddOperation } from "../../lib/privileged/ssh_keys/ssh_keys_add.ts";
import { managedRules } from "../_managed.ts";
import { perform, privileged } from "../_privileged.ts";

/** `ssh_keys_add`: lets the holders of keys log in. */
export const sshKeysAdd = method({
  ...privileged(sshKeysAddOperation),
  summary: "Lets the holders of keys log in as a user by SSH.",
  notes: [
    "The configuration has to list the user in `security.managed_users`. A pattern there does not reach root or users of the system: they have to be listed by name.",
    "Each key is the line of a `.pub` file, without options. It is added to " +
    "`~/.ssh/authorized_keys` with a mark in its comment, by a process of the user; other keys stay. " +
    "A key that is already there is not added again. Links in the home directory are not followed.",
  ],
  example: {
    params: {
      user: "deploy",
      keys: [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK9HzPIEAI4IlkFV4Y9OWlHyEJhXgXmRvP8Ka2bEIcVY ci",
      ],
    },
    result: { added: 1, already_present: 0 },
  },
  policy: ({ user }, services) => managedRules(services, "managed_users", "user", [user]),
  run: (params, context) => perform(sshKeysAddOperation, params, context),
});
