import * as z from "zod";
import { ERRORS, permissionDenied } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { PROCESS_SIGNALS } from "../../lib/policy/process_signals.ts";
import { requireGroup } from "../../lib/policy/groups.ts";
import { processSignalOperation } from "../../lib/privileged/process_signal.ts";
import { needed } from "../_ability.ts";
import { perform } from "../_privileged.ts";

const { group } = processSignalOperation;

/** `process_signal`: sends a signal to one process, never to another that has its number now. */
export const processSignal = method({
  name: "process_signal",
  capability: "process_signal",
  access: "exec",
  summary: "Sends a signal to one process.",
  notes: [
    "`pid` and `start_ticks` are those of `process_list`. If the process has ended, the answer is " +
    "-32002, even if another one has its number by now.",
    "The agent can signal processes of its own user. For those of another one it asks the broker: the " +
    "group `accounts` must be on and `security.managed_users` list the owner, root and users of the " +
    "system by name. Process 1 and the agent's own are refused.",
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
      when:
        "The process belongs to a user that the host may not manage, or is process 1 or the agent",
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
  run: async ({ pid, start_ticks, signal }, context) => {
    const { guest, config, configFile, signal: abort } = context;
    const processes = needed(guest.processes, "signal processes");
    const outcome = await processes.send({ pid, startTicks: start_ticks }, signal, abort);
    if (outcome === "sent") return { pid, signal };
    if (guest.privileged.unavailable !== undefined) {
      throw permissionDenied(
        `process ${pid} belongs to another user, and ${guest.privileged.unavailable}`,
        { pid },
      );
    }
    const { allow } = config.security;
    requireGroup("process_signal for another user's process", group, allow, configFile);
    return await perform(processSignalOperation, { pid, start_ticks, signal }, context);
  },
});
