import * as z from "zod";
import { asRoot, operation } from "../operation.ts";
import { PACKAGE_PROGRAMS, packageManager, runSteps } from "./managers.ts";
import { PackageNames, PackageResult } from "./names.ts";

/** `package_install`: installs packages in the background. */
export const packageInstallOperation = operation({
  name: "package_install",
  group: "packages",
  params: () =>
    z.strictObject({ packages: PackageNames(1), refresh: z._default(z.boolean(), true) }),
  result: PackageResult,
  target: ({ packages }) => ({ packages }),
});

/** How root performs it. */
export const packageInstallAsRoot = /* @__PURE__ */ asRoot(packageInstallOperation, {
  programs: PACKAGE_PROGRAMS,
  run: async ({ packages, refresh }, root) => {
    const manager = packageManager(root);
    const steps = [...refresh ? [manager.refresh] : [], manager.install(packages)];
    return await runSteps(root, manager, steps);
  },
});
