import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { fileMethod } from "./_file_method.ts";
import { modeOf, Permissions } from "./_parameters.ts";

/** `directory_create`: creates a directory, if told with those above it. */
export const directoryCreate = fileMethod({
  name: "directory_create",
  capability: "directory_create",
  access: "file-write",
  summary: "Creates a directory.",
  notes: [
    "The path must be inside `allowed_write_paths` and contain no symbolic link. `permissions` " +
    "default to 0755. `create_dirs` creates missing directories above it (0755), inside the " +
    "allowed paths. If the directory exists, it is left as it is and `created` is false.",
  ],
  governedBy: "allowed_write_paths",
  audited: true,
  params: () =>
    z.strictObject({
      path: z.string(),
      permissions: z.optional(Permissions()),
      create_dirs: z._default(z.boolean(), false),
    }),
  result: () => z.strictObject({ path: z.string(), created: z.boolean() }),
  errors: [
    { code: ERRORS.notFound.code, when: "The directory above it does not exist" },
    {
      code: ERRORS.commandFailed.code,
      when: "Something else has that name, or a file system error",
    },
  ],
  example: {
    params: { path: "/tmp/kvmmanager/reports", permissions: "0750" },
    result: { path: "/tmp/kvmmanager/reports", created: true },
  },
  target: ({ path }) => ({ path }),
  run: async ({ permissions, create_dirs }, { files, target, signal }) => {
    const mode = modeOf(permissions);
    const created = await files.createDirectory(target, {
      mode,
      createDirectories: create_dirs,
      signal,
    });
    return { path: target.path, created };
  },
});
