import { method } from "../../lib/core/method.ts";
import { fsTrimOperation } from "../../lib/privileged/fs_trim.ts";
import { perform, privileged } from "../_privileged.ts";

/** `fs_trim`: tells the host which blocks are unused. */
export const fsTrim = method({
  ...privileged(fsTrimOperation),
  summary: "Tells the host which blocks of the guest's disks are unused.",
  notes: [
    "`mount_points` names file systems; without it, every writable one with a block device is " +
    "trimmed. Free ranges shorter than `minimum_bytes` are left out. A file system that cannot be " +
    "trimmed has an `error` instead of `trimmed_bytes`, and the others are trimmed all the same.",
    "Each file system has ten minutes, whatever `request_timeout_seconds` says. `rpc.cancel` stops " +
    "it.",
  ],
  ownTimeout: true,
  example: {
    params: { mount_points: ["/"] },
    result: { filesystems: [{ mount_point: "/", trimmed_bytes: 1_073_741_824 }] },
  },
  run: (params, context) => perform(fsTrimOperation, params, context),
});
