import { method } from "../../lib/core/method.ts";
import { userSetPasswordOperation } from "../../lib/privileged/users/user_set_password.ts";
import { managedRules } from "../_managed.ts";
import { perform, privileged } from "../_privileged.ts";

/** `user_set_password`: sets a password. */
export const userSetPassword = method({
  ...privileged(userSetPasswordOperation),
  summary: "Sets a user's password.",
  notes: [
    "The configuration has to list the user in `security.managed_users`. A pattern there does not reach root or users of the system: they have to be listed by name.",
    "With `crypted`, `password` is a hash of crypt(5). The password is in no log, no argument of a " +
    "program and no error.",
  ],
  example: { params: { user: "deploy", password: "correct horse" }, result: { user: "deploy" } },
  policy: ({ user }, services) => managedRules(services, "managed_users", "user", [user]),
  run: (params, context) => perform(userSetPasswordOperation, params, context),
});
