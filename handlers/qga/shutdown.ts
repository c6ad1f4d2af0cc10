import * as z from "zod";
import { ResultThen } from "../../lib/core/outcome.ts";
import { qgaCommand } from "./_command.ts";

/** As the agent's own methods: after so long a guest that is still running is forced. */
const TIMEOUT_SECONDS = 60;

/** Shuts down, restarts or halts through the agent's power units; a success is not answered. */
export const guestShutdown = () =>
  qgaCommand({
    name: "guest-shutdown",
    summary: "Shuts the guest down, restarts it or halts it",
    params: z.strictObject({
      mode: z._default(z.enum(["powerdown", "reboot", "halt"]), "powerdown"),
    }),
    access: "power",
    audited: true,
    target: ({ mode }) => ({ mode }),
    disabled: ({ guest }) =>
      guest.power.isAvailable ? undefined : "this agent was started without --power",
    run: async ({ mode }, { guest, signal }) => {
      const accepted = await guest.power.accept({
        action: mode === "powerdown" ? "shutdown" : mode,
        timeoutSeconds: TIMEOUT_SECONDS,
        force: false,
      }, signal);
      return new ResultThen(undefined, accepted);
    },
  });
