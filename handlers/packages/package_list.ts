import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { packageKey } from "../../lib/guest/packages.ts";
import { needed } from "../_ability.ts";
import { pageMembers, pageOf, pageParams } from "../_page.ts";

/** `package_list`: the installed packages, page by page. */
export const packageList = method({
  name: "package_list",
  capability: "package_list",
  access: "see",
  summary: "Lists the guest's installed packages, page by page.",
  notes: [
    "`name` (exact) filters. Packages are sorted by name, version and architecture; pass `cursor` " +
    "to continue.",
  ],
  params: () => z.strictObject({ name: z.optional(z.string()), ...pageParams() }),
  result: () =>
    z.strictObject({
      manager: z.enum(["apt", "zypper", "dnf", "apk"]),
      packages: z.array(z.strictObject({
        name: z.string(),
        version: z.string(),
        architecture: z.string(),
      })),
      ...pageMembers(),
    }),
  errors: [{
    code: ERRORS.commandFailed.code,
    when: "The guest has neither apt nor zypper nor dnf nor apk, or it does not answer",
  }],
  audited: false,
  available: ({ guest }) => guest.packages !== undefined,
  example: {
    params: { name: "openssl" },
    result: {
      manager: "apt",
      packages: [{ name: "openssl", version: "3.0.15-1~deb12u1", architecture: "amd64" }],
      total_count: 1,
    },
  },
  run: async ({ name, ...page }, { guest, signal, resultLimitBytes }) => {
    const packages = needed(
      guest.packages,
      "list packages: it has neither apt nor zypper nor dnf nor apk",
    );
    const all = (await packages.list(signal)).filter((one) =>
      name === undefined || one.name === name
    );
    const { entries, ...rest } = pageOf(all, packageKey, { ...page, resultLimitBytes });
    return { manager: packages.manager, packages: entries, ...rest };
  },
});
