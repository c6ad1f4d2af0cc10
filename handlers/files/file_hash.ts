import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { allowPath } from "../../lib/policy/paths.ts";
import { openRealFile } from "../../lib/platform/linux/files/real_file.ts";
import { method } from "../../lib/core/method.ts";
import { hashFile, refuseOversized } from "./_file.ts";

/** `file_hash`: the SHA-256 of a file or of a part of it; sizes in bytes. */
export const fileHash = method({
  name: "file_hash",
  capability: "file_hash",
  summary: "Computes the SHA-256 of a file, whole or in part.",
  notes: [
    "Files as for `file_read`. With `offset` and `length` (bytes) only that part is hashed, as far " +
    "as the file goes: `bytes_hashed` tells how much there was. The file passes through in small " +
    "pieces, whatever its size; a file that is written to meanwhile is refused with -32000, one " +
    "that takes longer than `request_timeout_seconds` with -32003.",
  ],
  params: z.strictObject({
    path: z.string(),
    offset: z._default(z.int().check(z.gte(0)), 0),
    length: z.optional(z.int().check(z.gte(0))),
  }),
  result: z.strictObject({
    path: z.string(),
    sha256: z.string(),
    size_bytes: z.int(),
    offset: z.int(),
    bytes_hashed: z.int(),
  }),
  errors: [
    {
      code: ERRORS.permissionDenied.code,
      when: "Outside `allowed_read_paths`, through a link, or refused by the guest",
    },
    { code: ERRORS.notFound.code, when: "There is no such file" },
    {
      code: ERRORS.commandFailed.code,
      when: "No regular file, over `max_file_size_mb`, or changed while it was read",
    },
    { code: ERRORS.timeout.code, when: "Not done within `request_timeout_seconds`" },
  ],
  audited: true,
  example: {
    params: { path: "/etc/hostname" },
    result: {
      path: "/etc/hostname",
      sha256: "ca79b81178affb4da41bb1070b84bae73f0900a86d295add1233e223b46f0b8d",
      size_bytes: 10,
      offset: 0,
      bytes_hashed: 10,
    },
  },
  available: ({ config }) => config.security.allowed_read_paths.length > 0,
  target: ({ path, offset, length }) => ({ path, offset, length }),
  run: async (params, { config: { security }, signal }) => {
    const target = allowPath(params.path, security.allowed_read_paths, "allowed_read_paths");
    const { path } = target;
    const { file, info } = await openRealFile(target, "read", signal);
    using _file = file;
    refuseOversized(path, info.size, security.max_file_size_mb);
    const { offset } = params;
    const left = Math.max(0, info.size - offset);
    const length = Math.min(params.length ?? left, left);
    const digest = await hashFile({ file, path, info }, { offset, length }, signal);
    return { path, sha256: digest, size_bytes: info.size, offset, bytes_hashed: length };
  },
});
