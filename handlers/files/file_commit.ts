import { dirname } from "@std/path/posix";
import * as z from "zod";
import { commandFailed, ERRORS, invalidParams } from "../../lib/base/errors.ts";
import { commitFile } from "../../lib/platform/linux/files/commit_file.ts";
import { allowPath } from "../../lib/policy/paths.ts";
import { openRealFile, statIfAny } from "../../lib/platform/linux/files/real_file.ts";
import { method } from "../../lib/core/method.ts";
import { hashFile, modeFor, Permissions } from "./_file.ts";

/** `file_commit`: a file that was written in pieces is verified and gets its name, atomically. */
export const fileCommit = method({
  name: "file_commit",
  capability: "file_commit",
  summary: "Verifies a file that was written in pieces and gives it its final name.",
  notes: [
    "`from` is written by `file_write` with `offset`, in the directory of `path`. If it has " +
    "`size_bytes` bytes and the SHA-256 `sha256`, it is flushed to the disk and renamed to `path` " +
    "in one step; until then, and if anything is wrong, `path` is as it was. It takes the right to " +
    "write alone: what else the file has is not told.",
    "Only inside `allowed_write_paths`, with no symbolic link anywhere in the paths. " +
    "`permissions` as for `file_write`.",
  ],
  params: z.strictObject({
    path: z.string(),
    from: z.string(),
    size_bytes: z.int().check(z.gte(0)),
    sha256: z.string().check(
      z.refine((text) => /^[0-9a-f]{64}$/.test(text), "must be 64 lower-case hexadecimal digits"),
    ),
    permissions: z.optional(Permissions),
  }),
  result: z.strictObject({ path: z.string(), size_bytes: z.int() }),
  errors: [
    {
      code: ERRORS.permissionDenied.code,
      when: "Outside `allowed_write_paths`, through a link, or refused by the guest",
    },
    { code: ERRORS.notFound.code, when: "There is no file `from`" },
    {
      code: ERRORS.commandFailed.code,
      when: "Size or SHA-256 differ, no regular file, or an error of the file system",
    },
    { code: ERRORS.timeout.code, when: "Not done within `request_timeout_seconds`" },
  ],
  audited: true,
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
  available: ({ config }) => config.security.allowed_write_paths.length > 0,
  target: ({ path, from, size_bytes }) => ({ path, from, size_bytes }),
  run: async (params, { config: { security }, signal }) => {
    const roots = security.allowed_write_paths;
    const target = allowPath(params.path, roots, "allowed_write_paths");
    const from = allowPath(params.from, roots, "allowed_write_paths");
    const { path } = target;
    if (dirname(from.path) !== dirname(path) || from.path === path) {
      throw invalidParams("from must be another file in the directory of path", {
        params: ["from"],
      });
    }
    const { file, info } = await openRealFile(from, "read", signal);
    using _file = file;
    if (info.size !== params.size_bytes) {
      const reason = `${from.path} has ${info.size} bytes, not ${params.size_bytes}`;
      throw commandFailed(reason, { path: from.path, size_bytes: info.size });
    }
    const part = { offset: 0, length: info.size };
    if (await hashFile({ file, path: from.path, info }, part, signal) !== params.sha256) {
      throw commandFailed(`${from.path} has another SHA-256`, { path: from.path });
    }
    await file.sync();
    const mode = modeFor(params.permissions, await statIfAny(path));
    await commitFile(target, { from: from.path, info, mode, signal });
    return { path, size_bytes: info.size };
  },
});
