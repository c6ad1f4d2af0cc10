import { method } from "../../lib/core/method.ts";
import { agentUpdateStatusOperation } from "../../lib/privileged/updates/agent_update_status.ts";
import { perform, privileged } from "../_privileged.ts";

/** `agent_update_status`: tells what has become of the last update of the agent. */
export const agentUpdateStatus = method({
  ...privileged(agentUpdateStatusOperation),
  summary: "Tells what has become of the last agent_update.",
  notes: [
    "`started_at` is in seconds since 1970. `state` is `none`, `running`, `installed`, `refused` (nothing was changed), `restored` (the old " +
    "agent is back) or `failed` (neither came up); the last three have a `reason`. `sha256` is that of " +
    "the package. It stays `running` if the guest lost its power meanwhile.",
  ],
  example: {
    params: {},
    result: {
      state: "installed" as const,
      started_at: 1702123456,
      sha256: "6c".repeat(32),
      from_version: "1.0.0",
      to_version: "1.1.0",
    },
  },
  run: (params, context) => perform(agentUpdateStatusOperation, params, context),
});
