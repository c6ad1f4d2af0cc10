import * as z from "zod";
import { asRoot, operation } from "../operation.ts";
import { AuthorizedKeys, KeyList, keysOf, UserParams } from "./authorized_keys.ts";
import { addedLines, keyInLine } from "./public_key.ts";

/**
 * `ssh_keys_reset`: puts keys in place of those that a host has added, in one step. A user is never
 * left without keys because the second of two steps failed.
 */
export const sshKeysResetOperation = operation({
  name: "ssh_keys_reset",
  group: "accounts",
  params: () => z.strictObject({ ...UserParams(), keys: KeyList() }),
  result: () => z.strictObject({ removed: z.int(), added: z.int() }),
  target: ({ user, keys }) => ({ user, keys: keys.length }),
});

/** How root performs it. */
export const sshKeysResetAsRoot = /* @__PURE__ */ asRoot(sshKeysResetOperation, {
  programs: ["getent", "setpriv"],
  run: async ({ user, keys }, root) => {
    const file = await AuthorizedKeys.read(root, user);
    const kept = file.lines.filter((line) => keyInLine(line)?.isOurs !== true);
    const removed = file.lines.length - kept.length;
    const added = addedLines(kept, keysOf(keys));
    if (removed + added.length > 0) await file.write([...kept, ...added]);
    return { removed, added: added.length };
  },
});
