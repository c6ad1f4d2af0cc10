import { method } from "../../lib/core/method.ts";
import { userDeleteOperation } from "../../lib/privileged/users/user_delete.ts";
import { managedRules } from "../_managed.ts";
import { perform, privileged } from "../_privileged.ts";

/** `user_delete`: deletes a user. */
export const userDelete = method({
  ...privileged(userDeleteOperation),
  summary: "Deletes a user.",
  notes: [
    "The configuration has to list the user in `security.managed_users`. A pattern there does not reach root or users of the system: they have to be listed by name.",
    "`remove_home` deletes the home directory too. A user who is logged in is not deleted.",
  ],
  example: { params: { user: "deploy", remove_home: true }, result: { user: "deploy" } },
  policy: ({ user }, services) => managedRules(services, "managed_users", "user", [user]),
  run: (params, context) => perform(userDeleteOperation, params, context),
});
