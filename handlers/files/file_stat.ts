import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import {
  ENTRY_TYPES,
  entryType,
  permissionText,
} from "../../lib/platform/linux/files/file_type.ts";
import { allowPath } from "../../lib/policy/paths.ts";
import { statRealPath } from "../../lib/platform/linux/files/real_file.ts";
import { method } from "../../lib/core/method.ts";

const MS_PER_SECOND = 1000;

/** `file_stat`: what a path is, its size in bytes and its time in seconds (Unix). */
export const fileStat = method({
  name: "file_stat",
  capability: "file_stat",
  summary: "Tells what a path is, how large and how old.",
  notes: [
    "Only inside `allowed_read_paths`, with no symbolic link anywhere in the path. " +
    "`modified_at` is in seconds since 1970-01-01 UTC; `permissions` are the octal digits that " +
    "`file_write` takes.",
  ],
  params: z.strictObject({ path: z.string() }),
  result: z.strictObject({
    path: z.string(),
    type: z.enum(ENTRY_TYPES),
    size_bytes: z.int(),
    permissions: z.string(),
    modified_at: z.int(),
  }),
  errors: [
    {
      code: ERRORS.permissionDenied.code,
      when: "Outside `allowed_read_paths`, through a link, or refused by the guest",
    },
    { code: ERRORS.notFound.code, when: "There is nothing of that name" },
  ],
  audited: true,
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
  available: ({ config }) => config.security.allowed_read_paths.length > 0,
  target: ({ path }) => ({ path }),
  run: async (params, { config: { security } }) => {
    const target = allowPath(params.path, security.allowed_read_paths, "allowed_read_paths");
    const info = await statRealPath(target);
    const mode = info.mode ?? 0;
    return {
      path: target.path,
      type: entryType(mode),
      size_bytes: info.size,
      permissions: permissionText(mode),
      modified_at: Math.floor((info.mtime?.getTime() ?? 0) / MS_PER_SECOND),
    };
  },
});
