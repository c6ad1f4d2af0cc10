import * as z from "zod";
import { isRawNumber, type RawNumber } from "../../lib/core/call_id.ts";
import { method } from "../../lib/core/method.ts";
import { shortened } from "../../lib/core/request_log.ts";

/** A number, including one beyond 2^53, which keeps its text. */
const ExactNumber = () =>
  z.custom<number | RawNumber>(
    (value) => typeof value === "number" || isRawNumber(value),
    "must be a number",
  ).register(z.globalRegistry, { type: "number" });

/** `rpc.cancel`: stops a request in flight, which is then answered with -32000. */
export const rpcCancel = method({
  name: "rpc.cancel",
  capability: "cancel",
  summary: "Cancels a request that has not been answered yet.",
  notes: [
    "The work is stopped: a command's process group gets SIGTERM and, 2 seconds later, SIGKILL. " +
    "The cancelled request is answered with -32000. `cancelled` is false if no request of this " +
    "host with that id is in flight.",
  ],
  params: () => z.strictObject({ id: z.union([z.string(), ExactNumber()]) }),
  result: () => z.strictObject({ cancelled: z.boolean() }),
  access: "always",
  audited: true,
  example: { params: { id: 7 }, result: { cancelled: true } },
  immediate: true,
  whileFrozen: true,
  target: ({ id }) => ({ id: shortened(id) }),
  run: ({ id }, { caller }) => ({ cancelled: caller.cancel(id) }),
});
