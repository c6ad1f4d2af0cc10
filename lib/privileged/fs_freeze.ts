import * as z from "zod";
import { MountPoints } from "./filesystems.ts";
import { asRoot, operation } from "./operation.ts";

const MAX_TTL_SECONDS = 3600;

/** `fs_freeze`: stops all writing to file systems, for a limited time. */
export const fsFreezeOperation = operation({
  name: "fs_freeze",
  group: "freeze",
  params: () =>
    z.strictObject({
      ttl_seconds: z.int().check(z.gte(1), z.lte(MAX_TTL_SECONDS)),
      mount_points: MountPoints(),
    }),
  result: () =>
    z.strictObject({
      frozen: z.array(z.string()),
      skipped: z.array(z.strictObject({ mount_point: z.string(), reason: z.string() })),
    }),
  target: ({ ttl_seconds, mount_points }) => ({
    ttl_seconds,
    ...mount_points === undefined ? {} : { mount_points },
  }),
});

/** How root performs it. */
export const fsFreezeAsRoot = /* @__PURE__ */ asRoot(fsFreezeOperation, {
  programs: ["cat"],
  run: async ({ ttl_seconds, mount_points }, { freezing }) => {
    const request = { ttlSeconds: ttl_seconds, mountPoints: mount_points };
    const { frozen, skipped } = await freezing.freeze(request);
    return { frozen: [...frozen], skipped: [...skipped] };
  },
});
