import * as z from "zod";
import { invalidParams } from "../../base/errors.ts";
import { asRoot, operation, runOrFail } from "../operation.ts";
import { AccountName, managedAccount } from "./accounts.ts";

/** What PAM and crypt(3) take (CRYPT_MAX_PASSPHRASE_SIZE). */
const MAX_BYTES = 511;
/** As crypt(5) writes them; a colon would add fields to shadow(5). */
const CRYPTED_REGEXP = /^\$[A-Za-z0-9./$=,_-]+$/;

/** `user_set_password`: sets a user's password. */
export const userSetPasswordOperation = operation({
  name: "user_set_password",
  group: "accounts",
  params: () =>
    z.strictObject({
      user: AccountName(),
      password: z.string().check(
        z.minLength(1),
        z.refine(
          (text) => new TextEncoder().encode(text).byteLength <= MAX_BYTES,
          `must be at most ${MAX_BYTES} bytes`,
        ),
        z.refine((text) => !/\p{Cc}/u.test(text), "must not contain control characters"),
      ),
      crypted: z._default(z.boolean(), false),
    }),
  result: () => z.strictObject({ user: z.string() }),
  hidden: ["password"],
  target: ({ user, crypted }) => ({ user, crypted }),
});

/** How root performs it. */
export const userSetPasswordAsRoot = /* @__PURE__ */ asRoot(userSetPasswordOperation, {
  programs: ["getent", "chpasswd"],
  run: async ({ user, password, crypted }, root) => {
    if (crypted && !CRYPTED_REGEXP.test(password)) {
      throw invalidParams("password is not a hash of crypt(5), such as $6$SALT$HASH", {
        params: ["password"],
      });
    }
    await managedAccount(root, user);
    // On standard input: every user can see the arguments of a program.
    const input = `${user}:${password}\n`;
    await runOrFail(root, "chpasswd", crypted ? ["--encrypted"] : [], { input });
    return { user };
  },
});
