import * as z from "zod";
import { operation } from "../operation.ts";
import { PACKAGE_PROGRAMS, packageManager, requireInstalled, runSteps } from "./managers.ts";
import { PackageNames, PackageResult } from "./names.ts";

/** `package_remove`: removes packages in the background. */
export const packageRemoveOperation = operation({
  name: "package_remove",
  group: "packages",
  params: () => z.strictObject({ packages: PackageNames(1) }),
  result: PackageResult,
  programs: PACKAGE_PROGRAMS,
  target: ({ packages }) => ({ packages }),
  run: async ({ packages }, root) => {
    const manager = packageManager(root);
    await requireInstalled(root, manager, packages);
    return await runSteps(root, manager, [manager.remove(packages)]);
  },
});
