import { argument, object, option } from "@optique/core";
import { printLine } from "../../../lib/base/terminal.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand, lines, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { table, timeText } from "../format.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";
import { readPages } from "./_pages.ts";

type Entry = ResultOf<"file_list">["entries"][number];

/** What ls(1) -F puts after a name. */
const MARKS: Readonly<Partial<Record<Entry["type"], string>>> = {
  directory: "/",
  symlink: "@",
  fifo: "|",
  socket: "=",
};

/** `ls`: lists a directory. */
export const ls = defineCommand(
  {
    name: "ls",
    brief: "Lists a directory of the guest.",
    details: ["Names are sorted; directories end with /, symbolic links with @."],
    examples: ["ls --domain vm1 /var/log", "ls --domain vm1 -l /tmp/kvmmanager"],
  },
  object({
    path: argument(words("PATH"), { description: lines(["the absolute path in the guest"]) }),
    long: option("-l", "--long", {
      description: lines(["adds permissions, size in bytes and time of change (UTC)"]),
    }),
  }),
  async ({ path, long }, invocation) => {
    const { json, signal } = invocation;
    const { client } = await connectTarget(invocation);
    await using _client = client;
    let notUtf8 = 0;
    const entries = await readPages(async (after, limit) => {
      const page = await client.call("file_list", { path, after, limit }, { signal });
      notUtf8 = page.names_not_utf8 ?? 0;
      return { entries: page.entries, next: page.next };
    });
    if (json) printLine(printableJson({ path, entries, names_not_utf8: notUtf8 }, 2));
    else if (long && entries.length > 0) printLine(table(HEADING, entries.map(cells)));
    else for (const entry of entries) printLine(printable(marked(entry)));
    return EXIT.ok;
  },
);

const HEADING = ["MODE", "SIZE", "MODIFIED", "NAME"] as const;

const marked = ({ name, type }: Entry) => `${name}${MARKS[type] ?? ""}`;

const cells = (entry: Entry) => [
  entry.permissions,
  String(entry.size_bytes),
  timeText(entry.modified_at * 1000, "seconds"),
  marked(entry),
];
