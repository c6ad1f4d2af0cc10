import * as z from "zod";
import { isManaged } from "../../policy/managed.ts";
import { asRoot, operation, runOrFail } from "../operation.ts";
import { AccountName, Groups, groupsOf, managedAccount, requireGroups } from "./accounts.ts";

/** `user_set_groups`: sets which of the managed groups a user is in; the others stay. */
export const userSetGroupsOperation = operation({
  name: "user_set_groups",
  group: "accounts",
  params: () => z.strictObject({ user: AccountName(), groups: Groups() }),
  result: () => z.strictObject({ user: z.string(), groups: z.array(z.string()) }),
  target: ({ user, groups }) => ({ user, groups }),
});

/** How root performs it. */
export const userSetGroupsAsRoot = /* @__PURE__ */ asRoot(userSetGroupsOperation, {
  programs: ["getent", "id", "usermod"],
  run: async ({ user, groups }, root) => {
    requireGroups(root, groups);
    const account = await managedAccount(root, user);
    const { managed_groups } = root.config.security;
    const kept = (await groupsOf(root, account)).filter((name) => !isManaged(name, managed_groups));
    const all = [...new Set([...kept, ...groups])].sort();
    await runOrFail(root, "usermod", [`--groups=${all.join(",")}`, "--", user]);
    return { user, groups: all };
  },
});
