import * as z from "zod";
import { type MountedFilesystem, MountPoints, selectMounts } from "./filesystems.ts";
import { asRoot, firstLine, operation, type Root } from "./operation.ts";

/** A full trim of a large disk takes minutes. */
const TRIM_MS = 600_000;

/** `fs_trim`: tells the host which blocks are unused (fstrim(8)). */
export const fsTrimOperation = operation({
  name: "fs_trim",
  group: "freeze",
  params: () =>
    z.strictObject({
      mount_points: MountPoints(),
      minimum_bytes: z._default(z.int().check(z.gte(0)), 0),
    }),
  result: () =>
    z.strictObject({
      filesystems: z.array(
        z.strictObject({
          mount_point: z.string(),
          trimmed_bytes: z.optional(z.int().check(z.gte(0))),
          error: z.optional(z.string()),
        }),
      ),
    }),
  target: ({ mount_points }) => mount_points === undefined ? {} : { mount_points },
});

/** How root performs it. */
export const fsTrimAsRoot = /* @__PURE__ */ asRoot(fsTrimOperation, {
  programs: ["cat", "fstrim"],
  run: async ({ mount_points, minimum_bytes }, root) => {
    const mounts = selectMounts(await root.mounts(), mount_points);
    const filesystems = [];
    for (const mount of mounts.filter(({ isReadOnly }) => !isReadOnly)) {
      filesystems.push(await trim(mount, minimum_bytes, root));
    }
    return { filesystems };
  },
});

async function trim({ mountPoint }: MountedFilesystem, minimum: number, root: Root) {
  const args = ["--verbose", "--minimum", String(minimum), "--", mountPoint];
  const { code, stdout, stderr } = await root.run("fstrim", args, { timeoutMs: TRIM_MS });
  const trimmed = /\((\d+) bytes\)/.exec(stdout)?.[1];
  if (code === 0 && trimmed !== undefined) {
    return { mount_point: mountPoint, trimmed_bytes: Number(trimmed) };
  }
  const error = firstLine(stderr) || `fstrim ended with status ${code}`;
  return { mount_point: mountPoint, error };
}
