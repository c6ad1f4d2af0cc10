import * as z from "zod";
import { asRoot, operation } from "../operation.ts";
import { AuthorizedKeys, UserParams } from "./authorized_keys.ts";
import { withoutMark } from "./public_key.ts";

/** `ssh_keys_read`: the lines with which a user may log in, as a host may give them back. */
export const sshKeysReadOperation = operation({
  name: "ssh_keys_read",
  group: "accounts",
  params: () => z.strictObject(UserParams()),
  result: () => z.strictObject({ lines: z.array(z.string()) }),
  target: ({ user }) => ({ user }),
});

/** How root performs it. */
export const sshKeysReadAsRoot = /* @__PURE__ */ asRoot(sshKeysReadOperation, {
  programs: ["getent", "setpriv"],
  run: async ({ user }, root) => {
    const { lines } = await AuthorizedKeys.read(root, user);
    const used = lines.map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#"));
    return { lines: used.map(withoutMark) };
  },
});
