import * as z from "zod";
import type { FilesystemReport } from "../../lib/guest/facts.ts";
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
  summary: "Returns the usage of the guest's file systems.",
  notes: [
    "Lists each file system that stores files once. tmpfs, kernel file systems, read-only images " +
    "(squashfs, iso9660) and overlays other than the root are left out. Sizes are in bytes. " +
    "`available_bytes` is what an unprivileged user can still write; `used_percent` is used / " +
    "(used + available) with one decimal, as in df(1). The numbers are at most one second old.",
    "Network file systems have half a second to respond. `unresponsive` lists the mount points of " +
    "those that did not; it is absent otherwise.",
  ],
  params: NoParams,
  result: () =>
    z.strictObject({
      filesystems: z.readonly(z.array(Filesystem())),
      unresponsive: z.optional(z.readonly(z.array(z.string()))),
    }),
  access: "see",
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
  known: (_params, { guest }) => {
    const report = guest.facts.known?.filesystems();
    return report && resultOf(report);
  },
  run: async (_params, { guest, signal }) => resultOf(await guest.facts.filesystems(signal)),
});

const resultOf = ({ filesystems, unresponsive }: FilesystemReport) =>
  unresponsive.length === 0 ? { filesystems } : { filesystems, unresponsive };
