import * as z from "zod";
import { asRoot, operation } from "../operation.ts";
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
  target: ({ packages }) => ({ packages }),
});

/** How root performs it. */
export const packageUpgradeAsRoot = /* @__PURE__ */ asRoot(packageUpgradeOperation, {
  programs: PACKAGE_PROGRAMS,
  run: async ({ packages, refresh }, root) => {
    const manager = packageManager(root);
    const steps = [...refresh ? [manager.refresh] : [], manager.upgrade(packages)];
    return await runSteps(root, manager, steps);
  },
});
