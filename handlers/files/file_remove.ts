import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { fileMethod } from "./_file_method.ts";
import { refuseTrailingSlash } from "./_parameters.ts";

/** `file_remove`: removes anything but a directory. */
export const fileRemove = fileMethod({
  name: "file_remove",
  capability: "file_remove",
  access: "file-write",
  summary: "Removes a file.",
  notes: [
    "The path must be inside `allowed_write_paths`, and no directory on the way may be a symbolic " +
    "link. FIFOs, sockets and devices are removed like files. A symbolic link is removed itself, " +
    "never its target. Directories are removed by `directory_remove`.",
  ],
  governedBy: "allowed_write_paths",
  audited: true,
  params: () => z.strictObject({ path: z.string() }),
  result: () => z.strictObject({ path: z.string() }),
  errors: [
    { code: ERRORS.notFound.code, when: "The file does not exist" },
    {
      code: ERRORS.commandFailed.code,
      when: "A directory (`data.is_directory` is true), or a file system error",
    },
  ],
  example: {
    params: { path: "/tmp/kvmmanager/data.txt" },
    result: { path: "/tmp/kvmmanager/data.txt" },
  },
  target: ({ path }) => ({ path }),
  policy: ({ path }) => refuseTrailingSlash(path, "path"),
  run: async (params, { files, target, signal }) => {
    refuseTrailingSlash(params.path, "path");
    await files.remove(target, signal);
    return { path: target.path };
  },
});
