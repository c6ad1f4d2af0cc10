import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { PROCESS_SIGNALS } from "../../lib/guest/processes.ts";
import { needed } from "../_ability.ts";

/** `process_signal`: sends a signal to one process, never to another that has its number now. */
export const processSignal = method({
  name: "process_signal",
  capability: "process_signal",
  access: "exec",
  summary: "Sends a signal to one process.",
  notes: [
    "`pid` and `start_ticks` are those of `process_list`. If the process has ended, the answer is " +
    "-32002, even if another one has its number by now.",
    "The agent can signal processes of its own user only. It refuses process 1 and its own.",
  ],
  params: () =>
    z.strictObject({
      pid: z.int().check(z.gte(1)),
      start_ticks: z.int().check(z.gte(0)),
      signal: z._default(z.enum(PROCESS_SIGNALS), "SIGTERM"),
    }),
  result: () => z.strictObject({ pid: z.int(), signal: z.enum(PROCESS_SIGNALS) }),
  errors: [
    { code: ERRORS.notFound.code, when: "The process has ended" },
    {
      code: ERRORS.permissionDenied.code,
      when: "The process belongs to another user, or is process 1 or the agent",
    },
    { code: ERRORS.commandFailed.code, when: "The guest cannot signal processes" },
  ],
  audited: true,
  available: ({ guest }) => guest.processes !== undefined,
  example: {
    params: { pid: 4242, start_ticks: 862144, signal: "SIGHUP" },
    result: { pid: 4242, signal: "SIGHUP" },
  },
  target: ({ pid, start_ticks, signal }) => ({ pid, start_ticks, signal }),
  run: async ({ pid, start_ticks, signal }, { guest, signal: abort }) => {
    const processes = needed(guest.processes, "signal processes");
    await processes.send({ pid, startTicks: start_ticks }, signal, abort);
    return { pid, signal };
  },
});
