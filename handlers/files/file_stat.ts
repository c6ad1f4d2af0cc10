import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { FILE_TYPES } from "../../lib/guest/files.ts";
import { fileMethod } from "./_file_method.ts";
import { permissionText } from "./_parameters.ts";

/** `file_stat`: what a path names; size in bytes, time in seconds (Unix). */
export const fileStat = fileMethod({
  name: "file_stat",
  capability: "file_stat",
  summary: "Returns the type, size, permissions and modification time of a path.",
  notes: [
    "The path must be inside `allowed_read_paths` and contain no symbolic link. `modified_at` is " +
    "in seconds since 1970-01-01 UTC; `permissions` are octal digits, as in `file_write`.",
  ],
  governedBy: "allowed_read_paths",
  access: "file-read",
  audited: true,
  params: () => z.strictObject({ path: z.string() }),
  result: () =>
    z.strictObject({
      path: z.string(),
      type: z.enum(FILE_TYPES),
      size_bytes: z.int(),
      permissions: z.string(),
      modified_at: z.int(),
    }),
  errors: [{ code: ERRORS.notFound.code, when: "The path does not exist" }],
  example: {
    params: { path: "/var/log/syslog" },
    result: {
      path: "/var/log/syslog",
      type: "file",
      size_bytes: 48213,
      permissions: "0640",
      modified_at: 1702123456,
    },
  },
  target: ({ path }) => ({ path }),
  run: async (_params, { files, target, signal }) => {
    const { type, sizeBytes, mode, modifiedAt } = await files.status(target, signal);
    return {
      path: target.path,
      type,
      size_bytes: sizeBytes,
      permissions: permissionText(mode),
      modified_at: modifiedAt,
    };
  },
});
