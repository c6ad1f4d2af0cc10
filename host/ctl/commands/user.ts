import { object, option } from "@optique/core";
import { printLine } from "../../../lib/base/terminal.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand, lines } from "../command.ts";
import { EXIT } from "../exit.ts";
import { table } from "../format.ts";
import { printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

type User = ResultOf<"user_list">["users"][number];

/** `user`: the users of a guest. */
export const user = defineCommand(
  {
    name: "user",
    brief: "Lists the users of a guest.",
    examples: ["user --domain vm1", "user --domain vm1 --system --json"],
  },
  object({
    system: option("--system", { description: lines(["lists the system's users too"]) }),
  }),
  async ({ system }, invocation) => {
    const { json, signal } = invocation;
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const users: User[] = [];
    let cursor: string | undefined = "";
    do {
      const page: ResultOf<"user_list"> = await client.call(
        "user_list",
        { ...(system ? {} : { system: false }), cursor, limit: 1000 },
        { signal },
      );
      users.push(...page.users);
      // A guest that repeats itself must not keep the command going.
      cursor = page.cursor !== undefined && page.cursor > cursor ? page.cursor : undefined;
    } while (cursor !== undefined);
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
