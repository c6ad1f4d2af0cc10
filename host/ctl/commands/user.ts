import { argument, multiple, object, option, optional } from "@optique/core";
import { printLine } from "../../../lib/base/terminal.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand, lines, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { table } from "../format.ts";
import { printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";
import { readPages } from "./_pages.ts";
import { changeUser, USER_ACTIONS } from "./_user_change.ts";

type User = ResultOf<"user_list">["users"][number];

/** `user`: the users of a guest. */
export const user = defineCommand(
  {
    name: "user",
    brief: "Lists the users of a guest, or changes one.",
    details: [
      `ACTION is ${
        USER_ACTIONS.join(", ")
      }: groups sets the managed groups, and passwd reads the ` +
      "password from standard input. The guest's configuration says which users and groups it allows.",
    ],
    examples: [
      "user --domain vm1",
      "user --domain vm1 --system --json",
      "user --domain vm1 create deploy www-data",
      "user --domain vm1 passwd deploy <password.txt",
      "user --domain vm1 delete deploy --remove-home",
    ],
  },
  object({
    system: option("--system", { description: lines(["lists the system's users too"]) }),
    crypted: option("--crypted", { description: lines(["the password is a hash of crypt(5)"]) }),
    removeHome: option("--remove-home", {
      description: lines(["deletes the home directory too"]),
    }),
    action: optional(argument(words("ACTION", USER_ACTIONS))),
    name: optional(argument(words("NAME"))),
    groups: multiple(argument(words("GROUP"))),
  }),
  async ({ system, action, ...change }, invocation) => {
    if (action !== undefined) return await changeUser({ action, ...change }, invocation);
    const { json, signal } = invocation;
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const users = await readPages(async (cursor, limit) => {
      const filter = system ? {} : { system: false };
      const page = await client.call("user_list", { ...filter, cursor, limit }, { signal });
      return { entries: page.users, next: page.cursor };
    });
    if (json) printLine(printableJson(users, 2));
    else {
      printLine(table(["NAME", "UID", "GROUPS", "HOME", "SHELL", "FULL NAME"], users.map(cells)));
    }
    return EXIT.ok;
  },
);

const cells = (one: User) => [
  one.name,
  String(one.uid),
  one.groups.join(" "),
  one.home,
  one.shell,
  one.full_name,
];
