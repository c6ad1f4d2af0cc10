import * as z from "zod";
import { notFound, permissionDenied } from "../base/errors.ts";
import { PROCESS_SIGNALS } from "../policy/process_signals.ts";
import { asRoot, operation } from "./operation.ts";
import { accountName, managedAccount } from "./users/accounts.ts";

const FIRST_PROCESS = 1;

/** `process_signal`: sends a signal to a process of a user that the host may manage. */
export const processSignalOperation = operation({
  name: "process_signal",
  group: "accounts",
  params: () =>
    z.strictObject({
      pid: z.int().check(z.gte(1)),
      start_ticks: z.int().check(z.gte(0)),
      signal: z._default(z.enum(PROCESS_SIGNALS), "SIGTERM"),
    }),
  result: () => z.strictObject({ pid: z.int(), signal: z.enum(PROCESS_SIGNALS) }),
  target: ({ pid, start_ticks, signal }) => ({ pid, start_ticks, signal }),
});

/** How root performs it. */
export const processSignalAsRoot = /* @__PURE__ */ asRoot(processSignalOperation, {
  programs: ["getent"],
  run: async ({ pid, start_ticks, signal }, root) => {
    if (pid === FIRST_PROCESS) {
      throw permissionDenied("process 1 keeps the guest running; shutdown and reboot end it", {
        pid,
      });
    }
    const isSent = await root.signalProcess(
      { pid, startTicks: start_ticks },
      signal,
      async (uid) => {
        const user = await accountName(root, uid);
        if (user === undefined) {
          throw permissionDenied(`process ${pid} belongs to user ${uid}, who has no name here`, {
            pid,
          });
        }
        await managedAccount(root, user);
      },
    );
    if (isSent) return { pid, signal };
    throw notFound(`process ${pid} that started at tick ${start_ticks} has ended`, { pid });
  },
});
