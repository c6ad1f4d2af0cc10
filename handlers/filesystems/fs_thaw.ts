import { method } from "../../lib/core/method.ts";
import { fsThawOperation } from "../../lib/privileged/fs_thaw.ts";
import { perform, privileged } from "../_privileged.ts";

/** `fs_thaw`: ends a freeze. */
export const fsThaw = method({
  ...privileged(fsThawOperation),
  summary: "Thaws what fs_freeze has frozen.",
  notes: [
    "`ended_by` tells what ended the freeze: `request`, this request; `ttl`, its time was over; " +
    "`agent_gone`, the agent's process had ended; `stopped`, the guest was shutting down, or the " +
    "broker was killed; `null`, nothing was frozen. After anything but `request`, `thawed` is empty, " +
    "and a copy made in the meantime may not be consistent. `problems` are hooks that failed, and " +
    "file systems that another program had thawed.",
  ],
  whileFrozen: true,
  example: {
    params: {},
    result: { thawed: ["/", "/srv"], problems: [], ended_by: "request" },
  },
  run: (params, context) => perform(fsThawOperation, params, context),
});
