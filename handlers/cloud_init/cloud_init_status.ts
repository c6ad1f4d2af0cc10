import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { method, NoParams } from "../../lib/core/method.ts";
import { CLOUD_INIT_STATES } from "../../lib/guest/cloud_init.ts";
import { needed } from "../_ability.ts";

/** `cloud_init_status`: how far cloud-init is in this boot. */
export const cloudInitStatus = method({
  name: "cloud_init_status",
  capability: "cloud_init_status",
  access: "see",
  summary: "Says whether cloud-init has finished, and with which errors.",
  notes: [
    "The state of this boot: `not_started`, `running` (`stage` says how far), `done`, `error`, or " +
    "`disabled`. At most 20 errors are returned, each of at most 500 characters.",
  ],
  params: NoParams,
  result: () =>
    z.strictObject({
      state: z.enum(CLOUD_INIT_STATES),
      data_source: z.optional(z.string()),
      stage: z.optional(z.string()),
      errors: z.readonly(z.array(z.string())),
    }),
  errors: [{ code: ERRORS.commandFailed.code, when: "cloud-init is not installed" }],
  audited: false,
  available: ({ guest }) => guest.cloudInit !== undefined,
  example: {
    result: { state: "done", data_source: "DataSourceNoCloud [seed=/dev/sr0]", errors: [] },
  },
  run: async (_params, { guest, signal }) => {
    const cloudInit = needed(guest.cloudInit, "tell about cloud-init: it is not installed");
    const { state, dataSource, stage, errors } = await cloudInit.status(signal);
    return {
      state,
      ...(dataSource === undefined ? {} : { data_source: dataSource }),
      ...(stage === undefined ? {} : { stage }),
      errors,
    };
  },
});
