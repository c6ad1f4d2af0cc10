import * as z from "zod";
import { asRoot, operation } from "../operation.ts";
import { AuthorizedKeys, Keys, keysOf, UserParams } from "./authorized_keys.ts";
import { keyInLine } from "./public_key.ts";

/** `ssh_keys_remove`: removes keys that a host has added. */
export const sshKeysRemoveOperation = operation({
  name: "ssh_keys_remove",
  group: "accounts",
  params: () => z.strictObject({ ...UserParams(), keys: z.optional(Keys()) }),
  result: () => z.strictObject({ removed: z.int(), kept_foreign: z.int() }),
  target: ({ user, keys }) => ({ user, keys: keys?.length ?? "all" }),
});

/** How root performs it. */
export const sshKeysRemoveAsRoot = /* @__PURE__ */ asRoot(sshKeysRemoveOperation, {
  programs: ["getent", "setpriv"],
  run: async ({ user, keys }, root) => {
    const file = await AuthorizedKeys.read(root, user);
    const wanted = keys === undefined
      ? undefined
      : new Set(keysOf(keys).map(({ base64 }) => base64));
    let foreign = 0;
    const kept = file.lines.filter((line) => {
      const key = keyInLine(line);
      if (key === undefined) return true;
      if (wanted !== undefined && !wanted.has(key.base64)) return true;
      if (key.isOurs) return false;
      if (wanted !== undefined) foreign += 1;
      return true;
    });
    const removed = file.lines.length - kept.length;
    if (removed > 0) await file.write(kept);
    return { removed, kept_foreign: foreign };
  },
});
