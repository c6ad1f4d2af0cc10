import { method } from "../../lib/core/method.ts";
import { fsFreezeStatusOperation } from "../../lib/privileged/fs_freeze_status.ts";
import { perform, privileged } from "../_privileged.ts";

/** `fs_freeze_status`: tells what is frozen, and for how long. */
export const fsFreezeStatus = method({
  ...privileged(fsFreezeStatusOperation),
  summary: "Tells which file systems fs_freeze keeps frozen.",
  notes: ["`remaining_seconds` is the time until they are thawed without a request."],
  whileFrozen: true,
  example: { params: {}, result: { frozen: ["/srv", "/"], remaining_seconds: 42 } },
  run: (params, context) => perform(fsFreezeStatusOperation, params, context),
});
