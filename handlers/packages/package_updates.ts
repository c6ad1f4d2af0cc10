import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import type { PackageUpdate } from "../../lib/guest/packages.ts";
import { needed } from "../_ability.ts";
import { pageMembers, pageOf, pageParams } from "../_page.ts";

/** `package_updates`: what could be updated, page by page. */
export const packageUpdates = method({
  name: "package_updates",
  capability: "package_updates",
  access: "see",
  summary: "Lists the updates that the guest knows of, page by page.",
  notes: [
    "Nothing is downloaded: the guest's own lists count, and `refreshed_at` says how old they are. " +
    "`security` is absent where the sources do not tell. An update without `installed` adds a " +
    "package. `reboot_required` says whether an update that is already installed needs a reboot. " +
    "Updates are sorted by name; pass `cursor` to continue.",
  ],
  params: () => z.strictObject(pageParams()),
  result: () =>
    z.strictObject({
      manager: z.enum(["apt", "zypper", "dnf", "apk"]),
      updates: z.array(z.strictObject({
        name: z.string(),
        installed: z.optional(z.string()),
        available: z.string(),
        security: z.optional(z.boolean()),
      })),
      refreshed_at: z.optional(z.int()),
      reboot_required: z.optional(z.boolean()),
      ...pageMembers(),
    }),
  errors: [{
    code: ERRORS.commandFailed.code,
    when: "The guest has neither apt nor zypper nor dnf nor apk, or it does not answer",
  }],
  audited: false,
  available: ({ guest }) => guest.packages !== undefined,
  example: {
    result: {
      manager: "apt",
      updates: [{
        name: "openssl",
        installed: "3.0.15-1~deb12u1",
        available: "3.0.17-1~deb12u2",
        security: true,
      }],
      refreshed_at: 1702123456,
      reboot_required: false,
      total_count: 1,
    },
  },
  run: async (page, { guest, signal, resultLimitBytes }) => {
    const packages = needed(
      guest.packages,
      "list updates: it has neither apt nor zypper nor dnf nor apk",
    );
    const { updates, refreshedAt, isRebootRequired } = await packages.updates(signal);
    const { entries, ...rest } = pageOf(updates.map(toWire), ({ name }) => name, {
      ...page,
      resultLimitBytes,
    });
    return {
      manager: packages.manager,
      updates: entries,
      ...(refreshedAt === undefined ? {} : { refreshed_at: refreshedAt }),
      ...(isRebootRequired === undefined ? {} : { reboot_required: isRebootRequired }),
      ...rest,
    };
  },
});

const toWire = ({ name, installed, available, isSecurity }: PackageUpdate) => ({
  name,
  ...(installed === undefined ? {} : { installed }),
  available,
  ...(isSecurity === undefined ? {} : { security: isSecurity }),
});
