import * as z from "zod";
import { commandFailed, ERRORS } from "../../lib/base/errors.ts";
import { jsonBytes } from "../../lib/base/json_text.ts";
import { type DirectoryEntry, FILE_TYPES } from "../../lib/guest/files.ts";
import { fileMethod } from "./_file_method.ts";
import { permissionText } from "./_parameters.ts";

const DEFAULT_LIMIT = 500;
const MAX_LIMIT = 1000;
/** Bytes of JSON of an entry besides its name: the longest type, numbers of any size. */
const ENTRY_BYTES = 144;
/** Bytes of JSON of a result besides path, entries and the last name. */
const OTHER_MEMBERS_BYTES = 128;

const Entry = () =>
  z.strictObject({
    name: z.string(),
    type: z.enum(FILE_TYPES),
    size_bytes: z.int(),
    permissions: z.string(),
    modified_at: z.int(),
  });

/** `file_list`: the entries of a directory, page by page; sizes in bytes, times in seconds. */
export const fileList = fileMethod({
  name: "file_list",
  capability: "file_list",
  summary: "Lists a directory, page by page.",
  notes: [
    "The path must be inside `allowed_read_paths` and contain no symbolic link. Entries are " +
    "sorted by name (UTF-16 code units). A page has at most `limit` entries and fits into one " +
    "message; if there are more, pass `next` as `after` to continue. Symbolic links are listed as " +
    "links, without their targets.",
    "Names that are not UTF-8 are omitted, since a request cannot name them; `names_not_utf8` is " +
    "their number in the whole directory, if there are any.",
  ],
  governedBy: "allowed_read_paths",
  access: "file-read",
  audited: true,
  params: () =>
    z.strictObject({
      path: z.string(),
      after: z._default(z.string(), ""),
      limit: z._default(z.int().check(z.gte(1), z.lte(MAX_LIMIT)), DEFAULT_LIMIT),
    }),
  result: () =>
    z.strictObject({
      path: z.string(),
      entries: z.array(Entry()),
      next: z.optional(z.string()),
      names_not_utf8: z.optional(z.int()),
    }),
  errors: [
    { code: ERRORS.notFound.code, when: "The directory does not exist" },
    { code: ERRORS.commandFailed.code, when: "Not a directory" },
  ],
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
  target: ({ path, after }) => ({ path, after }),
  run: async ({ after, limit }, { files, target, signal, resultLimitBytes }) => {
    const { path } = target;
    const room = resultLimitBytes - OTHER_MEMBERS_BYTES - jsonBytes(path);
    // Describing entries that cannot fit would only take time and memory.
    const most = Math.max(1, Math.floor(room / ENTRY_BYTES));
    const page = await files.list(target, { after, limit: Math.min(limit, most), signal });
    const count = countFitting(page.entries, room);
    const [first] = page.entries;
    if (count === 0 && first !== undefined) {
      throw commandFailed(
        `an entry does not fit into one message (max_message_size_kb): ${first.name}`,
        { path },
      );
    }
    const hasMore = count < page.entries.length || page.following > 0;
    const last = count < page.entries.length ? page.entries[count - 1]?.name : page.last;
    return {
      path,
      entries: page.entries.slice(0, count).map(toWire),
      ...(hasMore && last !== undefined ? { next: last } : {}),
      ...(page.notUtf8 > 0 ? { names_not_utf8: page.notUtf8 } : {}),
    };
  },
});

/** The number of entries that fit. Each needs room for its name twice, since it may be the last. */
function countFitting(entries: readonly DirectoryEntry[], room: number): number {
  let left = room;
  for (const [index, { name }] of entries.entries()) {
    const bytes = jsonBytes(name);
    // The last name is repeated as `next`.
    if (left < ENTRY_BYTES + 2 * bytes) return index;
    left -= ENTRY_BYTES + bytes;
  }
  return entries.length;
}

const toWire = ({ name, type, sizeBytes, mode, modifiedAt }: DirectoryEntry) => ({
  name,
  type,
  size_bytes: sizeBytes,
  permissions: permissionText(mode),
  modified_at: modifiedAt,
});
