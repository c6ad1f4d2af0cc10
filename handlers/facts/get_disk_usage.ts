import * as z from "zod";
import { method, NoParams } from "../../lib/core/method.ts";

const Filesystem = () =>
  z.strictObject({
    mount_point: z.string(),
    device: z.string(),
    fs_type: z.string(),
    total_bytes: z.int(),
    used_bytes: z.int(),
    available_bytes: z.int(),
    used_percent: z.number(),
  });

/** `get_disk_usage` (protocol §10): usage of every mounted file system that stores files, in bytes. */
export const getDiskUsage = method({
  name: "get_disk_usage",
  capability: "disk_usage",
  summary: "Reports how full the guest's file systems are.",
  notes: [
    "Lists each file system that stores files once. tmpfs, the kernel's file systems, images that " +
    "are always full (squashfs, iso9660) and overlays other than the root are left out. Sizes are " +
    "in bytes. `available_bytes` is what an unprivileged user can still write; `used_percent` is " +
    "computed as df(1) does, used / (used + available), with one decimal. The numbers are at most " +
    "a second old.",
    "Network file systems have half a second to answer. The mount points of those that did not are " +
    "listed in `unresponsive`, which is otherwise absent.",
  ],
  params: NoParams,
  result: () =>
    z.strictObject({
      filesystems: z.readonly(z.array(Filesystem())),
      unresponsive: z.optional(z.readonly(z.array(z.string()))),
    }),
  audited: false,
  example: {
    result: {
      filesystems: [{
        mount_point: "/",
        device: "/dev/vda1",
        fs_type: "ext4",
        total_bytes: 21003583488,
        used_bytes: 8403345408,
        available_bytes: 11523674112,
        used_percent: 42.2,
      }],
    },
  },
  run: async (_params, { guest, signal }) => {
    const { filesystems, unresponsive } = await guest.facts.filesystems(signal);
    return unresponsive.length === 0 ? { filesystems } : { filesystems, unresponsive };
  },
});
