import * as z from "zod";
import { method, NoParams } from "../../lib/core/method.ts";
import { PROTOCOL_VERSION, VERSION } from "../../lib/base/version.ts";

/** `get_agent_info` (protocol §2): versions, platform, and what this agent can be asked. */
export const getAgentInfo = method({
  name: "get_agent_info",
  summary: "Tells the agent's version, its platform and what it can be asked.",
  notes: [
    "`capabilities` has only what this guest's configuration lets through: with an empty " +
    "`command_whitelist` there is no `exec_command`, with no `allowed_write_paths` no " +
    "`file_write`, and without a way to control the power neither `shutdown` nor `reboot`. " +
    "`max_message_size_kb` is the size of the largest line (KiB) that this agent takes and sends.",
  ],
  params: NoParams,
  result: () =>
    z.strictObject({
      version: z.string(),
      protocol_version: z.string(),
      platform: z.enum(["linux", "windows"]),
      capabilities: z.array(z.string()),
      max_message_size_kb: z.optional(z.int()),
    }),
  audited: false,
  example: {
    result: {
      version: "1.0.0",
      protocol_version: "1.0.0",
      platform: "linux",
      capabilities: ["disk_usage", "exec_command", "file_read", "network_info", "system_info"],
      max_message_size_kb: 64,
    },
  },
  immediate: true,
  run: (_params, context) => ({
    version: VERSION,
    protocol_version: PROTOCOL_VERSION,
    platform: context.guest.platform,
    capabilities: context.methods.filter((one) => one.available(context))
      .map((one) => one.capability)
      .filter((capability) => capability !== undefined)
      .sort(),
    max_message_size_kb: context.config.max_message_size_kb,
  }),
});
