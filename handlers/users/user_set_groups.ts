import { method } from "../../lib/core/method.ts";
import { userSetGroupsOperation } from "../../lib/privileged/users/user_set_groups.ts";
import { managedRules } from "../_managed.ts";
import { perform, privileged } from "../_privileged.ts";

/** `user_set_groups`: sets which managed groups a user is in. */
export const userSetGroups = method({
  ...privileged(userSetGroupsOperation),
  summary: "Sets which of the managed groups a user is in.",
  notes: [
    "The configuration has to list the user in `security.managed_users`. A pattern there does not reach root or users of the system: they have to be listed by name.",
    "Every group in `groups` has to be listed in `security.managed_groups`. Groups that are not " +
    "listed there stay as they are. The result has all groups of the user besides the primary one.",
  ],
  example: {
    params: { user: "deploy", groups: ["www-data"] },
    result: { user: "deploy", groups: ["audio", "www-data"] },
  },
  policy: ({ user, groups }, services) => [
    ...managedRules(services, "managed_users", "user", [user]),
    ...managedRules(services, "managed_groups", "groups", ...groups.map((group) => [group])),
  ],
  run: (params, context) => perform(userSetGroupsOperation, params, context),
});
