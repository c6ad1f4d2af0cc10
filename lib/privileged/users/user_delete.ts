import * as z from "zod";
import { operation, runOrFail } from "../operation.ts";
import { AccountName, managedAccount } from "./accounts.ts";

/** `user_delete`: deletes a user. */
export const userDeleteOperation = operation({
  name: "user_delete",
  group: "accounts",
  params: () =>
    z.strictObject({ user: AccountName(), remove_home: z._default(z.boolean(), false) }),
  result: () => z.strictObject({ user: z.string() }),
  programs: ["getent", "userdel"],
  target: ({ user, remove_home }) => ({ user, remove_home }),
  run: async ({ user, remove_home }, root) => {
    await managedAccount(root, user);
    await runOrFail(root, "userdel", [...remove_home ? ["--remove"] : [], "--", user]);
    return { user };
  },
});
