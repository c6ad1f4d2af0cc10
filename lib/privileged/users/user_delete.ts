import * as z from "zod";
import { asRoot, operation, runOrFail } from "../operation.ts";
import { AccountName, managedAccount } from "./accounts.ts";

/** `user_delete`: deletes a user. */
export const userDeleteOperation = operation({
  name: "user_delete",
  group: "accounts",
  params: () =>
    z.strictObject({ user: AccountName(), remove_home: z._default(z.boolean(), false) }),
  result: () => z.strictObject({ user: z.string() }),
  target: ({ user, remove_home }) => ({ user, remove_home }),
});

/** How root performs it. */
export const userDeleteAsRoot = /* @__PURE__ */ asRoot(userDeleteOperation, {
  programs: ["getent", "userdel"],
  run: async ({ user, remove_home }, root) => {
    await managedAccount(root, user);
    await runOrFail(root, "userdel", [...remove_home ? ["--remove"] : [], "--", user]);
    return { user };
  },
});
