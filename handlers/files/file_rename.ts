import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { checkRename } from "../../lib/policy/renames.ts";
import { fileMethod } from "./_file_method.ts";

/** `file_rename`: renames a file or directory within one file system. */
export const fileRename = fileMethod({
  name: "file_rename",
  capability: "file_rename",
  access: "file-write",
  summary: "Renames a file or a directory within one file system.",
  notes: [
    "Both paths must be inside `allowed_write_paths` and contain no symbolic link. The rename is " +
    "atomic; nothing is ever copied, so both paths must be on one file system and one mount. With " +
    "`replace` a file, or an empty directory, at `to` is replaced; without it, -32000 says that it " +
    "exists.",
    "An entry of `allowed_write_paths` itself cannot be renamed. A path outside " +
    "`allowed_read_paths` cannot be renamed to one inside: that would make it readable.",
  ],
  governedBy: "allowed_write_paths",
  audited: true,
  params: () =>
    z.strictObject({
      path: z.string(),
      to: z.string(),
      replace: z._default(z.boolean(), false),
    }),
  result: () => z.strictObject({ path: z.string() }),
  errors: [
    { code: ERRORS.notFound.code, when: "The file, or the directory of `to`, does not exist" },
    {
      code: ERRORS.commandFailed.code,
      when: "`to` exists, is on another file system, or is a directory that is not empty; a " +
        "special file; or a file system error",
    },
  ],
  example: {
    params: { path: "/tmp/kvmmanager/data.txt", to: "/tmp/kvmmanager/data.old", replace: true },
    result: { path: "/tmp/kvmmanager/data.old" },
  },
  target: ({ path, to, replace }) => ({ path, to, replace }),
  policy: ({ to }, { target, allow, paths, config: { security } }) =>
    checkRename(target, allow(to, "to"), security.allowed_read_paths, paths),
  run: async (params, { files, target, allow, paths, config: { security }, signal }) => {
    const to = allow(params.to, "to");
    checkRename(target, to, security.allowed_read_paths, paths);
    await files.rename(target, { to, replace: params.replace, signal });
    return { path: to.path };
  },
});
