import * as z from "zod";
import { operation } from "../operation.ts";
import { AuthorizedKeys, Keys, keysOf, UserParams } from "./authorized_keys.ts";
import { keyInLine, markedLine } from "./public_key.ts";

/** `ssh_keys_add`: lets the holders of keys log in as a user. */
export const sshKeysAddOperation = operation({
  name: "ssh_keys_add",
  group: "accounts",
  params: () => z.strictObject({ ...UserParams, keys: Keys() }),
  result: () => z.strictObject({ added: z.int(), already_present: z.int() }),
  programs: ["getent", "setpriv"],
  target: ({ user, keys }) => ({ user, keys: keys.length }),
  run: async ({ user, keys }, root) => {
    const file = await AuthorizedKeys.read(root, user);
    const { lines } = file;
    const known = new Set(lines.map((line) => keyInLine(line)?.base64));
    const fresh = new Map(keysOf(keys).map((key) => [key.base64, key]));
    for (const base64 of known) fresh.delete(base64 ?? "");
    if (fresh.size > 0) await file.write([...lines, ...[...fresh.values()].map(markedLine)]);
    return { added: fresh.size, already_present: keys.length - fresh.size };
  },
});
