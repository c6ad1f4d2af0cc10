/**
 * Group numbers by name, which Deno cannot look up.
 *
 * @module
 */

/** The guest's local groups (group(5)). */
export const GROUP_FILE = "/etc/group";

/**
 * The number of a group, given by its name or its number.
 *
 * @param file The group file. @default {"/etc/group"}
 * @throws {Error} for a name that is not in the file: groups of a directory service must be given
 * by number.
 */
export async function groupNumber(group: string, file = GROUP_FILE): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group);
  const found = findGroup(await Deno.readTextFile(file), group);
  if (found !== undefined) return found;
  throw new Error(
    `there is no group "${group}" in ${file}; give a directory service's group by its number`,
  );
}

/** The number of the group with that name in the text of a group file. */
export function findGroup(text: string, name: string): number | undefined {
  for (const line of text.split("\n")) {
    const [found, , number = ""] = line.split(":");
    if (found === name && /^\d+$/.test(number)) return Number(number);
  }
  return undefined;
}
