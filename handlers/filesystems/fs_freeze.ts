import { method } from "../../lib/core/method.ts";
import { fsFreezeOperation } from "../../lib/privileged/fs_freeze.ts";
import { perform, privileged } from "../_privileged.ts";

/** `fs_freeze`: stops all writing to file systems, for a limited time. */
export const fsFreeze = method({
  ...privileged(fsFreezeOperation),
  summary: "Freezes file systems, so that a copy of their disks is consistent.",
  notes: [
    "Everything that the guest has written is flushed to disk, and programs that write wait until " +
    "the thaw. Without `mount_points`, every file system with a block device that can be frozen " +
    "is; the others are in `skipped`. If one that is named cannot be frozen, or a hook in " +
    "`/etc/kvmmanager-agent/freeze.d` fails, everything is thawed again and the answer is an error.",
    "Everything is thawed by itself after `ttl_seconds`, 30 seconds after the agent's process has " +
    "ended, and when the guest shuts down. `fs_thaw` tells whether the freeze lasted until then.",
    "While file systems are frozen, only methods that never wait for a disk are served: `ping`, " +
    "`get_agent_info`, `rpc.cancel`, `rpc.discover`, `fs_thaw` and `fs_freeze_status`. All others " +
    "are answered with -32000 and `frozen: true`.",
    "It has no time limit of the agent's, since flushing may take long: `ttl_seconds` limits it.",
  ],
  ownTimeout: true,
  example: {
    params: { ttl_seconds: 60 },
    result: {
      frozen: ["/srv", "/"],
      skipped: [{ mount_point: "/boot/efi", reason: "its type does not support freezing" }],
    },
  },
  run: (params, context) => perform(fsFreezeOperation, params, context),
});
