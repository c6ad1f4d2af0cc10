/**
 * Services on the wire.
 *
 * @module
 */

import * as z from "zod";
import { type Service, SERVICE_STATES } from "../../lib/guest/services.ts";

/** The members of every service. */
export const serviceMembers = () => ({
  name: z.string(),
  state: z.enum(SERVICE_STATES),
  detail: z.optional(z.string()),
  description: z.optional(z.string()),
  startup: z.optional(z.string()),
  main_pid: z.optional(z.int()),
});

/** A service as those members. */
export const serviceToWire = (service: Service) => ({
  name: service.name,
  state: service.state,
  ...(service.detail === undefined ? {} : { detail: service.detail }),
  ...(service.description === undefined ? {} : { description: service.description }),
  ...(service.startup === undefined ? {} : { startup: service.startup }),
  ...(service.mainPid === undefined ? {} : { main_pid: service.mainPid }),
});
