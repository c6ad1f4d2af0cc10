import * as z from "zod";
import { operation } from "../operation.ts";
import { PACKAGE_PROGRAMS, packageManager, runSteps } from "./managers.ts";
import { PackageNames, PackageResult } from "./names.ts";

/** `package_upgrade`: upgrades packages, or all of them, in the background. */
export const packageUpgradeOperation = operation({
  name: "package_upgrade",
  group: "packages",
  params: () =>
    z.strictObject({
      packages: z._default(PackageNames(0), []),
      refresh: z._default(z.boolean(), true),
    }),
  result: PackageResult,
  programs: PACKAGE_PROGRAMS,
  target: ({ packages }) => ({ packages }),
  run: async ({ packages, refresh }, root) => {
    const manager = packageManager(root);
    const steps = [...refresh ? [manager.refresh] : [], manager.upgrade(packages)];
    return await runSteps(root, manager, steps);
  },
});
