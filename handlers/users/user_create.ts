import { method } from "../../lib/core/method.ts";
import { userCreateOperation } from "../../lib/privileged/users/user_create.ts";
import { managedRules } from "../_managed.ts";
import { perform, privileged } from "../_privileged.ts";

/** `user_create`: creates an ordinary user. */
export const userCreate = method({
  ...privileged(userCreateOperation),
  summary: "Creates a user.",
  notes: [
    "The configuration has to list the user in `security.managed_users`. A pattern there does not reach root or users of the system: they have to be listed by name.",
    "The user has no password and no key yet. Every group has to be listed in " +
    "`security.managed_groups`.",
  ],
  example: {
    params: { user: "deploy", full_name: "Deployment", groups: ["www-data"] },
    result: { user: "deploy", uid: 1001, gid: 1001, home: "/home/deploy" },
  },
  policy: ({ user, groups }, services) => [
    ...managedRules(services, "managed_users", "user", [user]),
    ...managedRules(services, "managed_groups", "groups", ...groups.map((group) => [group])),
  ],
  run: (params, context) => perform(userCreateOperation, params, context),
});
