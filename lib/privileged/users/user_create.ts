import * as z from "zod";
import { commandFailed } from "../../base/errors.ts";
import { asRoot, operation, runOrFail } from "../operation.ts";
import { AccountName, findAccount, Groups, requireGroups, requireListed } from "./accounts.ts";

const MAX_TEXT = 200;

/** A field of passwd(5) must not contain a colon or a control character. */
const Text = () =>
  z.string().check(
    z.maxLength(MAX_TEXT),
    z.refine(
      (text) => !/[:\p{Cc}\p{Cf}]/u.test(text),
      "must not contain ':' or control characters",
    ),
  );

/** `user_create`: creates an ordinary user. */
export const userCreateOperation = operation({
  name: "user_create",
  group: "accounts",
  params: () =>
    z.strictObject({
      user: AccountName(),
      full_name: z._default(Text(), ""),
      shell: z._default(
        Text().check(z.refine((path) => path.startsWith("/"), "must be an absolute path")),
        "/bin/bash",
      ),
      create_home: z._default(z.boolean(), true),
      groups: z._default(Groups(), []),
    }),
  result: () => z.strictObject({ user: z.string(), uid: z.int(), gid: z.int(), home: z.string() }),
  target: ({ user, groups }) => groups.length > 0 ? { user, groups } : { user },
});

/** How root performs it. */
export const userCreateAsRoot = /* @__PURE__ */ asRoot(userCreateOperation, {
  programs: ["getent", "useradd"],
  run: async ({ user, full_name, shell, create_home, groups }, root) => {
    requireListed(root, user);
    requireGroups(root, groups);
    if (await findAccount(root, user) !== undefined) {
      throw commandFailed(`the user ${user} already exists`, { user });
    }
    await runOrFail(root, "useradd", [
      create_home ? "--create-home" : "--no-create-home",
      `--shell=${shell}`,
      `--comment=${full_name}`,
      ...groups.length > 0 ? [`--groups=${groups.join(",")}`] : [],
      "--user-group",
      "--",
      user,
    ]);
    const account = await findAccount(root, user);
    if (account === undefined) throw commandFailed(`useradd did not create ${user}`, { user });
    return { ...account };
  },
});
