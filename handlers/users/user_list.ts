import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import type { User } from "../../lib/guest/users.ts";
import { needed } from "../_ability.ts";
import { pageMembers, pageOf, pageParams } from "../_page.ts";

/** System users have smaller numbers (login.defs(5), UID_MIN). */
const FIRST_PERSON = 1000;
/** Larger ones are `nobody`, and those that a service manager hands out (UID_MAX). */
const LAST_PERSON = 60_000;

/** `user_list`: the guest's users, page by page. */
export const userList = method({
  name: "user_list",
  capability: "users",
  access: "see",
  summary: "Lists the guest's users, page by page.",
  notes: [
    "Users of a directory service are included where the guest enumerates them. `system` is true for " +
    "users with a number below 1000 or above 60000, and as a parameter filters them. `groups` has " +
    "the user's own group first. Users are sorted by name; pass `cursor` to continue. Passwords, " +
    "and whether a user has one, are not returned.",
  ],
  params: () => z.strictObject({ system: z.optional(z.boolean()), ...pageParams() }),
  result: () =>
    z.strictObject({
      users: z.array(z.strictObject({
        name: z.string(),
        uid: z.int(),
        gid: z.int(),
        full_name: z.string(),
        home: z.string(),
        shell: z.string(),
        groups: z.readonly(z.array(z.string())),
        system: z.boolean(),
      })),
      ...pageMembers(),
    }),
  errors: [{ code: ERRORS.commandFailed.code, when: "The guest cannot list users" }],
  audited: false,
  available: ({ guest }) => guest.users !== undefined,
  example: {
    params: { system: false },
    result: {
      users: [{
        name: "ada",
        uid: 1000,
        gid: 1000,
        full_name: "Ada Lovelace",
        home: "/home/ada",
        shell: "/bin/bash",
        groups: ["ada", "sudo"],
        system: false,
      }],
      total_count: 1,
    },
  },
  run: async ({ system, ...page }, { guest, signal, resultLimitBytes }) => {
    const all = (await needed(guest.users, "list users").list(signal)).map(toWire)
      .filter((user) => system === undefined || user.system === system);
    const { entries, ...rest } = pageOf(all, ({ name }) => name, { ...page, resultLimitBytes });
    return { users: entries, ...rest };
  },
});

const toWire = (user: User) => ({
  name: user.name,
  uid: user.uid,
  gid: user.gid,
  full_name: user.fullName,
  home: user.home,
  shell: user.shell,
  groups: user.groups,
  system: user.uid < FIRST_PERSON || user.uid > LAST_PERSON,
});
