import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { refuseEntry } from "../../lib/policy/renames.ts";
import { fileMethod } from "./_file_method.ts";

/** The most entries that one request removes. */
const MAX_ENTRIES = 100_000;

/** `directory_remove`: removes an empty directory, or with `recursive` what it holds too. */
export const directoryRemove = fileMethod({
  name: "directory_remove",
  capability: "directory_remove",
  access: "file-write",
  summary: "Removes a directory, with everything in it only if told.",
  notes: [
    "The path must be inside `allowed_write_paths` and contain no symbolic link. Without " +
    "`recursive` the directory must be empty. With it everything in it is removed: links " +
    "themselves, never their targets, and nothing on another file system. A directory with more " +
    `than ${MAX_ENTRIES} entries in all is refused before anything is ` +
    "removed. If removing fails on the way or times out, part of the directory may be gone.",
    "An entry of `allowed_write_paths` itself cannot be removed. `entries_removed` counts the " +
    "directory too.",
  ],
  governedBy: "allowed_write_paths",
  audited: true,
  params: () => z.strictObject({ path: z.string(), recursive: z._default(z.boolean(), false) }),
  result: () => z.strictObject({ path: z.string(), entries_removed: z.int() }),
  errors: [
    { code: ERRORS.notFound.code, when: "The directory does not exist" },
    {
      code: ERRORS.commandFailed.code,
      when: "Not a directory, not empty, too many entries, or a file system error",
    },
    { code: ERRORS.timeout.code, when: "Took longer than `request_timeout_seconds`" },
  ],
  example: {
    params: { path: "/tmp/kvmmanager/reports", recursive: true },
    result: { path: "/tmp/kvmmanager/reports", entries_removed: 3 },
  },
  target: ({ path, recursive }) => ({ path, recursive }),
  policy: (_params, { target, paths }) => refuseEntry(target, "removed", paths),
  run: async ({ recursive }, { files, target, paths, signal }) => {
    refuseEntry(target, "removed", paths);
    const entries_removed = await files.removeDirectory(target, {
      maxEntries: recursive ? MAX_ENTRIES : 1,
      signal,
    });
    return { path: target.path, entries_removed };
  },
});
