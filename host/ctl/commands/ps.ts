import { choice, object, option, optional, withDefault } from "@optique/core";
import { printLine } from "../../../lib/base/terminal.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand, lines, wholeNumber, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { bytesText, durationText, table, timeText } from "../format.ts";
import { printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";
import { readPages } from "./_pages.ts";

type Process = ResultOf<"process_list">["processes"][number];

/** `ps`: the processes of a guest. */
export const ps = defineCommand(
  {
    name: "ps",
    brief: "Lists the processes of a guest.",
    details: [
      "Command lines are shown only if the guest's configuration allows it",
      "(security.process_arguments), else the kernel's short names.",
    ],
    examples: ["ps --domain vm1", "ps --domain vm1 --sort memory --limit 10"],
  },
  object({
    sort: withDefault(
      option("--sort", choice(["pid", "cpu", "memory"]), {
        description: lines(["the order; cpu and memory put the largest first (default pid)"]),
      }),
      "pid" as const,
    ),
    user: optional(option("--user", words("NAME"), {
      description: lines(["only this user's processes; a name or number"]),
    })),
    name: optional(option("--name", words("NAME"), {
      description: lines(["only processes with exactly this name"]),
    })),
    limit: optional(option("--limit", wholeNumber(1, 999_999_999), {
      description: lines(["at most this many (default: all)"]),
    })),
  }),
  async ({ sort, user, name, limit = Number.POSITIVE_INFINITY }, invocation) => {
    const { json, signal } = invocation;
    const { client } = await connectTarget(invocation);
    await using _client = client;
    let total = 0;
    const processes = await readPages(async (cursor, wanted) => {
      const page = await client.call(
        "process_list",
        { sort, user, name, cursor, limit: wanted },
        { signal },
      );
      total = page.total_count;
      return { entries: page.processes, next: page.cursor };
    }, limit);
    if (json) printLine(printableJson({ processes, total_count: total }, 2));
    else printLine(table(HEADING, processes.map(cells)));
    return EXIT.ok;
  },
);

const HEADING = ["PID", "USER", "STATE", "THREADS", "CPU", "MEMORY", "STARTED", "COMMAND"] as const;

const cells = (one: Process) => [
  String(one.pid),
  one.user ?? String(one.uid),
  one.state,
  String(one.thread_count),
  durationText(one.cpu_seconds_total),
  bytesText(one.resident_bytes),
  timeText(one.started_at * 1000, "minutes"),
  one.arguments?.join(" ") ?? `[${one.name}]`,
];
