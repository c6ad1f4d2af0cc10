import * as z from "zod";
import { commandFailed, ERRORS } from "../../lib/base/errors.ts";
import { jsonBytes } from "../../lib/base/json_text.ts";
import { type DirectoryEntry, ENTRY_TYPES } from "../../lib/platform/linux/files/file_type.ts";
import { allowPath } from "../../lib/policy/paths.ts";
import { listDirectory } from "../../lib/platform/linux/files/list_directory.ts";
import { method } from "../../lib/core/method.ts";

const DEFAULT_LIMIT = 500;
const MAX_LIMIT = 1000;
/** Bytes of JSON of an entry beside its name: the longest type, numbers of any size. */
const ENTRY_BYTES = 144;
/** Bytes of JSON of a result beside path, entries and the last name. */
const OTHER_MEMBERS_BYTES = 128;

const Entry = z.strictObject({
  name: z.string(),
  type: z.enum(ENTRY_TYPES),
  size_bytes: z.int(),
  permissions: z.string(),
  modified_at: z.int(),
});

/** `file_list`: the entries of a directory, page by page; sizes in bytes, times in seconds. */
export const fileList = method({
  name: "file_list",
  capability: "file_list",
  summary: "Lists a directory, page by page.",
  notes: [
    "Only inside `allowed_read_paths`, with no symbolic link anywhere in the path. Entries come " +
    "sorted by name (UTF-16 code units), at most `limit` of them and as many as fit one message; " +
    "while there are more, `next` is the name to go on with as `after`. Memory stays bounded, " +
    "however large the directory. An entry that is a symbolic link is described itself; where it " +
    "leads is not told.",
    "Names that are not UTF-8 are left out, since no request could name them; `names_not_utf8` " +
    "counts those of the whole directory, where there are any.",
  ],
  params: z.strictObject({
    path: z.string(),
    after: z._default(z.string(), ""),
    limit: z._default(z.int().check(z.gte(1), z.lte(MAX_LIMIT)), DEFAULT_LIMIT),
  }),
  result: z.strictObject({
    path: z.string(),
    entries: z.array(Entry),
    next: z.optional(z.string()),
    names_not_utf8: z.optional(z.int()),
  }),
  errors: [
    {
      code: ERRORS.permissionDenied.code,
      when: "Outside `allowed_read_paths`, through a link, or refused by the guest",
    },
    { code: ERRORS.notFound.code, when: "There is no such directory" },
    { code: ERRORS.commandFailed.code, when: "It is no directory" },
  ],
  audited: true,
  example: {
    params: { path: "/var/log", limit: 1 },
    result: {
      path: "/var/log",
      entries: [{
        name: "apt",
        type: "directory",
        size_bytes: 4096,
        permissions: "0755",
        modified_at: 1702123456,
      }],
      next: "apt",
    },
  },
  available: ({ config }) => config.security.allowed_read_paths.length > 0,
  target: ({ path, after }) => ({ path, after }),
  run: async ({ path, after, limit }, { config: { security }, signal, resultLimitBytes }) => {
    const target = allowPath(path, security.allowed_read_paths, "allowed_read_paths");
    const room = resultLimitBytes - OTHER_MEMBERS_BYTES - jsonBytes(target.path);
    const page = await listDirectory(target, { after, limit, signal });
    const count = countFitting(page.entries, room);
    const [first] = page.entries;
    if (count === 0 && first !== undefined) {
      throw commandFailed(`max_message_size_kb is too small for the entry ${first.name}`, { path });
    }
    const hasMore = count < page.entries.length || page.following > 0;
    const last = count < page.entries.length ? page.entries[count - 1]?.name : page.last;
    return {
      path: target.path,
      entries: page.entries.slice(0, count).map(toWire),
      ...(hasMore && last !== undefined ? { next: last } : {}),
      ...(page.notUtf8 > 0 ? { names_not_utf8: page.notUtf8 } : {}),
    };
  },
});

/** How many entries fit; each is counted with its name twice, since it may be the last. */
function countFitting(entries: readonly DirectoryEntry[], room: number): number {
  let left = room;
  for (const [index, { name }] of entries.entries()) {
    const bytes = jsonBytes(name);
    // The one that is told as `next` too.
    if (left < ENTRY_BYTES + 2 * bytes) return index;
    left -= ENTRY_BYTES + bytes;
  }
  return entries.length;
}

const toWire = ({ name, type, sizeBytes, permissions, modifiedAt }: DirectoryEntry) => ({
  name,
  type,
  size_bytes: sizeBytes,
  permissions,
  modified_at: modifiedAt,
});
