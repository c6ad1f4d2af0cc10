import * as z from "zod";
import { asRoot, operation } from "../operation.ts";
import { AuthorizedKeys, UserParams } from "./authorized_keys.ts";
import { fingerprintOf, keyInLine } from "./public_key.ts";

const MAX_LISTED = 500;

/** `ssh_keys_list`: the keys with which a user may log in. */
export const sshKeysListOperation = operation({
  name: "ssh_keys_list",
  group: "accounts",
  params: () => z.strictObject(UserParams()),
  result: () =>
    z.strictObject({
      keys: z.array(
        z.strictObject({
          type: z.string(),
          fingerprint: z.string(),
          comment: z.string(),
          managed: z.boolean(),
        }),
      ),
      truncated: z.boolean(),
    }),
  target: ({ user }) => ({ user }),
});

/** How root performs it. */
export const sshKeysListAsRoot = /* @__PURE__ */ asRoot(sshKeysListOperation, {
  programs: ["getent", "setpriv"],
  run: async ({ user }, root) => {
    const { lines } = await AuthorizedKeys.read(root, user);
    const found = lines.map(keyInLine).filter((key) => key !== undefined);
    const keys = await Promise.all(
      found.slice(0, MAX_LISTED).map(async (key) => ({
        type: key.type,
        fingerprint: await fingerprintOf(key),
        comment: key.comment.slice(0, 200),
        managed: key.isOurs,
      })),
    );
    return { keys, truncated: found.length > MAX_LISTED };
  },
});
