import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { SERVICE_STATES } from "../../lib/guest/services.ts";
import { needed } from "../_ability.ts";
import { pageMembers, pageOf, pageParams } from "../_page.ts";
import { serviceMembers, serviceToWire } from "./_service.ts";

/** `service_list`: the guest's services, page by page. */
export const serviceList = method({
  name: "service_list",
  capability: "services",
  access: "see",
  summary: "Lists the guest's services, page by page.",
  notes: [
    "`state` filters. `state` and `detail` are systemd's words (`ActiveState`, `SubState`); the " +
    "states of OpenRC are translated, and `detail` is its own word. `startup` says whether the " +
    "service starts with the guest. Services are sorted by name; pass `cursor` to continue.",
  ],
  params: () => z.strictObject({ state: z.optional(z.enum(SERVICE_STATES)), ...pageParams() }),
  result: () =>
    z.strictObject({
      manager: z.enum(["systemd", "openrc"]),
      services: z.array(z.strictObject(serviceMembers())),
      ...pageMembers(),
    }),
  errors: [{
    code: ERRORS.commandFailed.code,
    when: "The guest has neither systemd nor OpenRC, or it does not answer",
  }],
  audited: false,
  available: ({ guest }) => guest.services !== undefined,
  example: {
    params: { state: "failed" },
    result: {
      manager: "systemd",
      services: [{
        name: "postgresql.service",
        state: "failed",
        detail: "failed",
        description: "PostgreSQL RDBMS",
        startup: "enabled",
      }],
      total_count: 1,
    },
  },
  run: async ({ state, ...page }, { guest, signal, resultLimitBytes }) => {
    const services = needed(guest.services, "list services: it has neither systemd nor OpenRC");
    const all = (await services.list(signal)).filter((one) =>
      state === undefined || one.state === state
    ).map(serviceToWire);
    const { entries, ...rest } = pageOf(all, ({ name }) => name, { ...page, resultLimitBytes });
    return { manager: services.manager, services: entries, ...rest };
  },
});
