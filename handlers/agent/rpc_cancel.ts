import * as z from "zod";
import { method } from "../../lib/core/method.ts";

/** `rpc.cancel`: stops the work of a request in flight, which is then answered with -32000. */
export const rpcCancel = method({
  name: "rpc.cancel",
  capability: "cancel",
  summary: "Cancels a request that has not been answered yet.",
  notes: [
    "The work is really stopped: a command's process group gets SIGTERM and, 2 seconds later, " +
    "SIGKILL. The cancelled request is answered with -32000. `cancelled` is false where no " +
    "request with that id is in flight.",
  ],
  params: z.strictObject({ id: z.union([z.string(), z.number()]) }),
  result: z.strictObject({ cancelled: z.boolean() }),
  example: { params: { id: 7 }, result: { cancelled: true } },
  immediate: true,
  run: ({ id }, { cancel }) => ({ cancelled: cancel(id) }),
});
