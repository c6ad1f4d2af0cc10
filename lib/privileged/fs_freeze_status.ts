import * as z from "zod";
import { FreezeStatusSchema } from "./filesystems.ts";
import { asRoot, operation } from "./operation.ts";

/** `fs_freeze_status`: tells what is frozen, and for how long. */
export const fsFreezeStatusOperation = operation({
  name: "fs_freeze_status",
  group: "freeze",
  params: () => z.strictObject({}),
  result: FreezeStatusSchema,
  target: () => ({}),
});

/** How root performs it. */
export const fsFreezeStatusAsRoot = /* @__PURE__ */ asRoot(fsFreezeStatusOperation, {
  programs: [],
  run: (_params, { freezing }) => freezing.status(),
});
