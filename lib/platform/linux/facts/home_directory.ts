/**
 * The home directory of the agent's user.
 *
 * @module
 */

import { runScript } from "../shell.ts";

const TIMEOUT_MS = 5000;

const FIND_HOME = `
while IFS=: read -r name password uid gid comment home shell; do
  [ "$uid" = "$1" ] && printf %s "$home" && exit
done < /etc/passwd
`;

/** The home directory of the agent's user (passwd(5)), `/` for a user without one. */
export async function readHomeDirectory(): Promise<string> {
  const uid = Deno.uid();
  const { signal } = new AbortController();
  const home = uid === null
    ? ""
    : await runScript({ code: FIND_HOME, args: [String(uid)], timeoutMs: TIMEOUT_MS, signal });
  return home === "" ? "/" : home;
}
