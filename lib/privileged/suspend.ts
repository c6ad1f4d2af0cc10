import * as z from "zod";
import { asRoot, operation, runOrFail } from "./operation.ts";

/** The verb of systemctl(1) for each state. */
const VERBS = { ram: "suspend", disk: "hibernate", hybrid: "hybrid-sleep" } as const;

/**
 * `suspend`: suspends the guest, to memory, to its disk or to both. The service manager checks that
 * the guest can do it, and suspends it after the answer.
 */
export const suspendOperation = operation({
  name: "suspend",
  group: "power",
  params: () => z.strictObject({ to: z.enum(["ram", "disk", "hybrid"]) }),
  result: () => z.strictObject({}),
  target: ({ to }) => ({ to }),
});

/** How root performs it. */
export const suspendAsRoot = /* @__PURE__ */ asRoot(suspendOperation, {
  programs: ["systemctl"],
  run: async ({ to }, root) => {
    await runOrFail(root, "systemctl", [VERBS[to]]);
    return {};
  },
});
