/**
 * The group that owns a file, for advice when permission is denied.
 *
 * @module
 */

import { dirname } from "@std/path/posix";

/** The group of the file, or of the nearest visible directory above it. */
export async function groupOf(path: string): Promise<{ path: string; group: string } | undefined> {
  for (let at = path;; at = dirname(at)) {
    try {
      const { gid } = await Deno.stat(at);
      return gid === null ? undefined : { path: at, group: await groupName(gid) };
    } catch {
      if (at === dirname(at)) return undefined;
    }
  }
}

/** The name in /etc/group (group(5)), or the number. */
async function groupName(gid: number): Promise<string> {
  try {
    const lines = (await Deno.readTextFile("/etc/group")).split("\n");
    const entry = lines.map((line) => line.split(":")).find((fields) => fields[2] === String(gid));
    return entry?.[0] ?? String(gid);
  } catch {
    return String(gid);
  }
}
