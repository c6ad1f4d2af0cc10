import { argument, object, option } from "@optique/core";
import { printLine } from "../../../lib/base/terminal.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand, lines, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { table } from "../format.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

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
    const entries: Entry[] = [];
    let notUtf8 = 0;
    let after: string | undefined = "";
    do {
      const page: ResultOf<"file_list"> = await client.call(
        "file_list",
        { path, after, limit: 1000 },
        { signal },
      );
      entries.push(...page.entries);
      notUtf8 = page.names_not_utf8 ?? 0;
      // A guest that repeats itself must not keep the command going.
      after = page.next !== undefined && page.next > after ? page.next : undefined;
    } while (after !== undefined);
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
  timeText(entry.modified_at),
  marked(entry),
];

/** `2026-11-21 18:50:00`; the number itself if it is no time that a calendar has. */
function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime())
    ? String(seconds)
    : date.toISOString().slice(0, 19).replace("T", " ");
}
