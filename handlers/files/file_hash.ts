import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { fileMethod } from "./_file_method.ts";
import { refuseOversized } from "./_parameters.ts";

/** `file_hash`: the SHA-256 of a file or of a part of it; sizes in bytes. */
export const fileHash = fileMethod({
  name: "file_hash",
  capability: "file_hash",
  summary: "Computes the SHA-256 of a file or of a part of it.",
  notes: [
    "Hashes the same files that `file_read` reads. With `offset` and `length` (bytes) only that " +
    "part is hashed, up to the end of the file; `bytes_hashed` is its actual length. A file that " +
    "changes meanwhile is refused with -32000, one that takes longer than " +
    "`request_timeout_seconds` with -32003.",
  ],
  governedBy: "allowed_read_paths",
  access: "file-read",
  audited: true,
  params: () =>
    z.strictObject({
      path: z.string(),
      offset: z._default(z.int().check(z.gte(0)), 0),
      length: z.optional(z.int().check(z.gte(0))),
    }),
  result: () =>
    z.strictObject({
      path: z.string(),
      sha256: z.string(),
      size_bytes: z.int(),
      offset: z.int(),
      bytes_hashed: z.int(),
    }),
  errors: [
    { code: ERRORS.notFound.code, when: "The file does not exist" },
    {
      code: ERRORS.commandFailed.code,
      when: "Not a regular file, over `max_file_size_mb`, or changed while it was being hashed",
    },
    { code: ERRORS.timeout.code, when: "Took longer than `request_timeout_seconds`" },
  ],
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
  target: ({ path, offset, length }) => ({ path, offset, length }),
  run: async (params, { files, target, config: { security }, signal }) => {
    const { path } = target;
    const file = await files.open(target, { access: "read", signal });
    using _file = file;
    const size = file.sizeBytes;
    refuseOversized(path, size, security.max_file_size_mb);
    const { offset } = params;
    const left = Math.max(0, size - offset);
    const length = Math.min(params.length ?? left, left);
    const sha256 = await file.sha256(offset, length, signal);
    return { path, sha256, size_bytes: size, offset, bytes_hashed: length };
  },
});
