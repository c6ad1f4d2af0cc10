import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { needed } from "../_ability.ts";
import { serviceMembers, serviceToWire } from "./_service.ts";

/** `service_status`: everything that is known of one service. */
export const serviceStatus = method({
  name: "service_status",
  capability: "service_status",
  access: "see",
  summary: "Describes one service of the guest.",
  notes: [
    "`name` is one service, with or without `.service`: no pattern, no path and no template without " +
    "its instance. An alias answers with the service's own `name`. What the service manager does " +
    "not measure is absent.",
  ],
  params: () => z.strictObject({ name: z.string() }),
  result: () =>
    z.strictObject({
      ...serviceMembers(),
      aliases: z.readonly(z.array(z.string())),
      result: z.optional(z.string()),
      exit_code: z.optional(z.int()),
      restart_count: z.optional(z.int()),
      memory_bytes: z.optional(z.int()),
      cpu_seconds_total: z.optional(z.number()),
      task_count: z.optional(z.int()),
      active_since: z.optional(z.int()),
    }),
  errors: [
    { code: ERRORS.notFound.code, when: "There is no service with that name" },
    {
      code: ERRORS.commandFailed.code,
      when: "The guest has neither systemd nor OpenRC, or it does not answer",
    },
  ],
  audited: false,
  available: ({ guest }) => guest.services !== undefined,
  target: ({ name }) => ({ name }),
  example: {
    params: { name: "ssh" },
    result: {
      name: "ssh.service",
      state: "active",
      detail: "running",
      description: "OpenBSD Secure Shell server",
      startup: "enabled",
      main_pid: 612,
      aliases: ["sshd.service"],
      result: "success",
      exit_code: 0,
      restart_count: 0,
      memory_bytes: 5591040,
      cpu_seconds_total: 0.41,
      task_count: 1,
      active_since: 1702037068,
    },
  },
  run: async ({ name }, { guest, signal }) => {
    const services = needed(guest.services, "describe services: it has neither systemd nor OpenRC");
    const status = await services.status(name, signal);
    const optional = {
      result: status.result,
      exit_code: status.exitStatus,
      restart_count: status.restarts,
      memory_bytes: status.memoryBytes,
      cpu_seconds_total: status.cpuSeconds,
      task_count: status.tasks,
      active_since: status.activeSince,
    };
    return { ...serviceToWire(status), aliases: status.aliases, ...optional };
  },
});
