/**
 * The users of a Linux guest (passwd(5), group(5)).
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import type { User, Users } from "../../../guest/users.ts";
import { runScript } from "../shell.ts";

const TIMEOUT_MS = 20_000;
const SEPARATOR = "==>\n";

/** getent(1) also knows the users of a directory service, where that enumerates them. */
const SCRIPT = `
getent passwd 2> /dev/null || cat /etc/passwd
echo '==>'
getent group 2> /dev/null || cat /etc/group
`;

/** Reads the guest's users. */
export class LinuxUsers implements Users {
  async list(signal: AbortSignal): Promise<User[]> {
    return parseUsers(await runScript({ code: SCRIPT, timeoutMs: TIMEOUT_MS, signal }));
  }
}

/**
 * Parses both lists, separated by a line `==>`. Passwords are never kept.
 *
 * @throws {RpcError} -32000 without any user.
 */
export function parseUsers(text: string): User[] {
  const [passwd = "", group = ""] = text.split(SEPARATOR);
  const nameOfGroup = new Map<number, string>();
  const groupsOf = new Map<string, string[]>();
  for (const line of group.split("\n")) {
    const [name = "", , gid = "", members = ""] = line.split(":");
    if (!/^\d+$/.test(gid)) continue;
    nameOfGroup.set(Number(gid), name);
    for (const member of members.split(",").filter((one) => one !== "")) {
      groupsOf.set(member, [...groupsOf.get(member) ?? [], name]);
    }
  }
  const users = new Map<string, User>();
  for (const line of passwd.split("\n")) {
    const [name = "", , uid = "", gid = "", fullName = "", home = "", shell = ""] = line.split(":");
    if (name === "" || !/^\d+$/.test(uid) || !/^\d+$/.test(gid) || users.has(name)) continue;
    const own = nameOfGroup.get(Number(gid));
    users.set(name, {
      name,
      uid: Number(uid),
      gid: Number(gid),
      // What follows are room and telephone numbers.
      fullName: fullName.split(",")[0] ?? "",
      home,
      shell,
      groups: [...new Set([...(own === undefined ? [] : [own]), ...groupsOf.get(name) ?? []])],
    });
  }
  if (users.size === 0) throw commandFailed("the guest's users cannot be listed");
  return [...users.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}
