/**
 * The distribution's description of itself (os-release(5)).
 *
 * @module
 */

/** Name and version of the guest's operating system. */
export interface OsRelease {
  readonly name: string;
  readonly version: string;
}

/** The two places of os-release(5); the first one found is used. */
const FILES = ["/etc/os-release", "/usr/lib/os-release"] as const;

/** Reads the file; without one, the name is `Linux` and the version is empty. */
export const readOsRelease = (): OsRelease => describe(readOsReleaseFields());

/** All fields of the file by name; none if there is no such file. */
export function readOsReleaseFields(): ReadonlyMap<string, string> {
  for (const file of FILES) {
    try {
      return parseOsRelease(Deno.readTextFileSync(file));
    } catch {
      // Missing or unreadable: try the next one.
    }
  }
  return new Map();
}

/** Name and version from the file's fields, with fallbacks for distributions that lack them. */
export function describe(fields: ReadonlyMap<string, string>): OsRelease {
  return {
    name: fields.get("NAME") ?? fields.get("PRETTY_NAME") ?? "Linux",
    version: fields.get("VERSION") ?? fields.get("VERSION_ID") ?? "",
  };
}

/** The fields of an os-release file: one shell assignment per line, with shell quoting. */
export function parseOsRelease(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^\s*([A-Z][A-Z0-9_]*)=(.*?)\s*$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) fields.set(match[1], unquote(match[2]));
  }
  return fields;
}

function unquote(value: string): string {
  if (value.startsWith("'")) return value.replace(/^'|'$/g, "");
  const inner = /^"(.*)"$/s.exec(value)?.[1];
  return (inner ?? value).replace(/\\(["\\$`])/g, "$1");
}
