import * as z from "zod";
import { ERRORS, invalidParams } from "../../lib/base/errors.ts";
import { fileMethod, type FilePolicy } from "./_file_method.ts";
import { modeOf, Permissions } from "./_parameters.ts";

/** `file_commit`: verifies a file that was written in pieces and renames it into place. */
export const fileCommit = fileMethod({
  name: "file_commit",
  capability: "file_commit",
  summary: "Verifies a file that was written in pieces and renames it into place.",
  notes: [
    "`from` was written by `file_write` with `offset`, in the directory of `path`. If its size " +
    "and SHA-256 match, it is flushed to disk and renamed to `path` atomically; otherwise `path` " +
    "is unchanged. Only write access is needed: the file's contents are not disclosed.",
    "Both paths must be inside `allowed_write_paths` and contain no symbolic link. `permissions` " +
    "work as in `file_write`.",
  ],
  governedBy: "allowed_write_paths",
  access: "file-write",
  audited: true,
  params: () =>
    z.strictObject({
      path: z.string(),
      from: z.string(),
      size_bytes: z.int().check(z.gte(0)),
      sha256: z.string().check(
        z.refine((text) => /^[0-9a-f]{64}$/.test(text), "must be 64 lower-case hexadecimal digits"),
      ),
      permissions: z.optional(Permissions()),
    }),
  result: () => z.strictObject({ path: z.string(), size_bytes: z.int() }),
  errors: [
    { code: ERRORS.notFound.code, when: "`from` does not exist" },
    {
      code: ERRORS.commandFailed.code,
      when: "Size or SHA-256 does not match, not a regular file, or a file system error",
    },
    { code: ERRORS.timeout.code, when: "Took longer than `request_timeout_seconds`" },
  ],
  example: {
    params: {
      path: "/tmp/kvmmanager/image.qcow2",
      from: "/tmp/kvmmanager/.image.qcow2.part",
      size_bytes: 6,
      sha256: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
      permissions: "0644",
    },
    result: { path: "/tmp/kvmmanager/image.qcow2", size_bytes: 6 },
  },
  target: ({ path, from, size_bytes }) => ({ path, from, size_bytes }),
  policy: (params, context) => void sourceOf(params, context),
  run: async (params, { files, target, signal, ...policy }) => {
    const from = sourceOf(params, { target, ...policy });
    await files.commit(target, {
      from,
      sizeBytes: params.size_bytes,
      sha256: params.sha256,
      mode: modeOf(params.permissions),
      signal,
    });
    return { path: target.path, size_bytes: params.size_bytes };
  },
});

/** The file to rename. */
function sourceOf({ from: path }: { readonly from: string }, { target, allow, paths }: FilePolicy) {
  const from = allow(path, "from");
  const { isInside, parentOf } = paths;
  const isSame = (one: string, other: string) => isInside(one, other) && isInside(other, one);
  const isBeside = isSame(parentOf(from.path), parentOf(target.path));
  if (isBeside && !isSame(from.path, target.path)) return from;
  throw invalidParams("from must be a different file in the same directory as path", {
    params: ["from"],
  });
}
