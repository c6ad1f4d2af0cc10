import * as z from "zod";
import { asRoot, operation } from "../operation.ts";
import { AuthorizedKeys, Keys, keysOf, UserParams } from "./authorized_keys.ts";
import { addedLines } from "./public_key.ts";

/** `ssh_keys_add`: lets the holders of keys log in as a user. */
export const sshKeysAddOperation = operation({
  name: "ssh_keys_add",
  group: "accounts",
  params: () => z.strictObject({ ...UserParams(), keys: Keys() }),
  result: () => z.strictObject({ added: z.int(), already_present: z.int() }),
  target: ({ user, keys }) => ({ user, keys: keys.length }),
});

/** How root performs it. */
export const sshKeysAddAsRoot = /* @__PURE__ */ asRoot(sshKeysAddOperation, {
  programs: ["getent", "setpriv"],
  run: async ({ user, keys }, root) => {
    const file = await AuthorizedKeys.read(root, user);
    const { lines } = file;
    const added = addedLines(lines, keysOf(keys));
    if (added.length > 0) await file.write([...lines, ...added]);
    return { added: added.length, already_present: keys.length - added.length };
  },
});
