import * as z from "zod";
import { ThawedSchema } from "./filesystems.ts";
import { operation } from "./operation.ts";

/** `fs_thaw`: ends a freeze. */
export const fsThawOperation = operation({
  name: "fs_thaw",
  group: "freeze",
  params: () => z.strictObject({}),
  result: ThawedSchema,
  programs: [],
  target: () => ({}),
  run: (_params, { freezing }) => freezing.thaw(),
});
