import * as z from "zod";
import { method, NoParams } from "../../lib/core/method.ts";
import { PROTOCOL_VERSION, VERSION } from "../../lib/base/version.ts";

/** `get_agent_info` (protocol §2): versions, platform and capabilities. */
export const getAgentInfo = method({
  name: "get_agent_info",
  summary: "Returns the agent's version, platform and capabilities.",
  notes: [
    "`capabilities` lists what this guest's configuration allows: without `exec_command` if " +
    "`command_whitelist` is empty, without `file_write` if `allowed_write_paths` is empty, and " +
    "without `shutdown` and `reboot` if the agent cannot control power. `max_message_size_kb` is " +
    "the largest message (KiB) that this agent accepts and sends. `groups` lists the groups of " +
    "methods that are on (`security.allow`).",
  ],
  params: NoParams,
  result: () =>
    z.strictObject({
      version: z.string(),
      protocol_version: z.string(),
      platform: z.enum(["linux", "windows"]),
      capabilities: z.array(z.string()),
      max_message_size_kb: z.optional(z.int()),
      groups: z.optional(z.array(z.string())),
    }),
  access: "always",
  audited: false,
  example: {
    result: {
      version: "1.0.0",
      protocol_version: "1.0.0",
      platform: "linux",
      capabilities: ["disk_usage", "exec_command", "file_read", "network_info", "system_info"],
      max_message_size_kb: 64,
      groups: ["see", "file-read", "file-write", "exec", "power", "freeze", "time"],
    },
  },
  immediate: true,
  whileFrozen: true,
  run: (_params, context) => ({
    version: VERSION,
    protocol_version: PROTOCOL_VERSION,
    platform: context.guest.platform,
    capabilities: context.methods.filter((one) => one.available(context))
      .map((one) => one.capability)
      .filter((capability) => capability !== undefined)
      .sort(),
    max_message_size_kb: context.config.max_message_size_kb,
    groups: [...context.config.security.allow],
  }),
});
