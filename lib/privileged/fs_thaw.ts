import * as z from "zod";
import { ThawedSchema } from "./filesystems.ts";
import { asRoot, operation } from "./operation.ts";

/** `fs_thaw`: ends a freeze. */
export const fsThawOperation = operation({
  name: "fs_thaw",
  group: "freeze",
  params: () => z.strictObject({}),
  result: ThawedSchema,
  target: () => ({}),
});

/** How root performs it. */
export const fsThawAsRoot = /* @__PURE__ */ asRoot(fsThawOperation, {
  programs: [],
  run: (_params, { freezing }) => freezing.thaw(),
});
