import * as z from "zod";
import { asRoot, operation } from "../operation.ts";
import { PACKAGE_PROGRAMS, packageManager, requireInstalled, runSteps } from "./managers.ts";
import { PackageNames, PackageResult } from "./names.ts";

/** `package_remove`: removes packages in the background. */
export const packageRemoveOperation = operation({
  name: "package_remove",
  group: "packages",
  params: () => z.strictObject({ packages: PackageNames(1) }),
  result: PackageResult,
  target: ({ packages }) => ({ packages }),
});

/** How root performs it. */
export const packageRemoveAsRoot = /* @__PURE__ */ asRoot(packageRemoveOperation, {
  programs: PACKAGE_PROGRAMS,
  run: async ({ packages }, root) => {
    const manager = packageManager(root);
    await requireInstalled(root, manager, packages);
    return await runSteps(root, manager, [manager.remove(packages)]);
  },
});
