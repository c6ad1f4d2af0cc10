import * as z from "zod";
import { asRoot, operation } from "../operation.ts";

/** Where install/lib/update says what has become of the last update; only root can write it. */
const OUTCOME = "/var/lib/kvmmanager-agent/update/outcome";

/** What can have become of an update. */
export const UPDATE_STATES = [
  "none",
  "running",
  "installed",
  "refused",
  "restored",
  "failed",
] as const;

const isState = (text: string | undefined): text is typeof UPDATE_STATES[number] =>
  UPDATE_STATES.some((state) => state === text);

/** `agent_update_status`: tells what has become of the last update of the agent. */
export const agentUpdateStatusOperation = operation({
  name: "agent_update_status",
  group: "packages",
  params: () => z.strictObject({}),
  result: () =>
    z.strictObject({
      state: z.enum(UPDATE_STATES),
      started_at: z.optional(z.int()),
      sha256: z.optional(z.string()),
      from_version: z.optional(z.string()),
      to_version: z.optional(z.string()),
      reason: z.optional(z.string()),
    }),
  target: () => ({}),
});

/** How root performs it. */
export const agentUpdateStatusAsRoot = /* @__PURE__ */ asRoot(agentUpdateStatusOperation, {
  programs: ["cat"],
  run: async (_params, root) => {
    const { code, stdout } = await root.run("cat", [OUTCOME]);
    const [state, startedAt, sha256, from, to, reason] = code === 0 ? stdout.split("\n") : [];
    if (!isState(state)) return { state: "none" as const };
    return {
      state,
      started_at: Number(startedAt),
      sha256,
      ...(from ? { from_version: from } : {}),
      ...(to ? { to_version: to } : {}),
      ...(reason ? { reason } : {}),
    };
  },
});
