import { argument, object, option, optional, string } from "@optique/core";
import { UsageError } from "../../../lib/base/command_line.ts";
import { printError, printLine, writeBytes } from "../../../lib/base/terminal.ts";
import { followLog, type LogSelection } from "../../follow.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand, lines, wholeNumber, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { pastTime } from "../past_time.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";
import { followOptions } from "./_follow.ts";

const DEFAULT_LINES = 10;
const MAX_LINES = 5000;

type LogRead = ResultOf<"log_read">;

/** `logs`: a log file or the journal of a guest. */
export const logs = defineCommand(
  {
    name: "logs",
    brief: "Prints a log file of the guest, or its journal for a unit or the kernel.",
    details: [
      "With -f it goes on with what is written, through rotation of the file, until Ctrl-C; it",
      "continues where it was after a lost connection. Lines that were removed before they could be",
      "read are reported on standard error. With --json each line or entry is a JSON object.",
    ],
    examples: [
      "logs --domain vm1 /var/log/syslog",
      "logs --domain vm1 -f --unit ssh",
      "logs --domain vm1 --kernel --since 2h",
    ],
  },
  object({
    follow: option("-f", "--follow", { description: lines(["goes on with new lines"]) }),
    count: optional(option("-n", "--lines", wholeNumber(0, MAX_LINES), {
      description: lines(["how many of the last lines (default 10)"]),
    })),
    since: optional(option("--since", string({ metavar: "TIME" }), {
      description: lines(["the journal from then on: 2024-01-31T08:00, 30m, 2h, 7d or @SECONDS"]),
    })),
    unit: optional(option("--unit", "-u", string({ metavar: "UNIT" }), {
      description: lines(["a unit of systemd"]),
    })),
    kernel: option("--kernel", "-k", { description: lines(["the kernel's messages"]) }),
    path: optional(argument(words("PATH"))),
  }),
  async ({ follow, count, since, unit, kernel, path }, invocation) => {
    const named = [path, unit, kernel ? true : undefined].filter((one) => one !== undefined);
    if (named.length !== 1) throw new UsageError("give exactly one of PATH, --unit and --kernel");
    const source: LogSelection = {
      path,
      unit,
      kernel: kernel ? true : undefined,
      since: since === undefined ? undefined : pastTime(since, Date.now()),
      lines: count ?? (since === undefined ? DEFAULT_LINES : undefined),
    };
    const output = new LogPrinter(invocation.json);
    if (follow) {
      for await (const read of followLog(source, followOptions(invocation))) output.print(read);
      output.end();
      return EXIT.ok;
    }
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const options = { signal: invocation.signal };
    let read = await client.call("log_read", source, options);
    // The last lines may take several answers.
    while (output.print(read) && !isEnough(output.printed, source.lines)) {
      const { path, unit, kernel } = source;
      const left = source.lines === undefined ? undefined : source.lines - output.printed;
      const next = { path, unit, kernel, lines: left, cursor: read.cursor };
      read = await client.call("log_read", next, options);
    }
    output.end();
    return EXIT.ok;
  },
);

const isEnough = (printed: number, wanted: number | undefined) =>
  wanted !== undefined && printed >= wanted;

/** Prints lines and entries, made safe for a terminal. */
class LogPrinter {
  /** How many lines or entries were printed. */
  printed = 0;
  #isMidLine = false;

  constructor(readonly json: boolean) {}

  /** Prints what was read; returns whether there was anything. */
  print(read: LogRead): boolean {
    const { lines = [], entries = [], gap } = read;
    if (gap !== undefined) {
      const count = gap.at_most_entries === undefined ? "" : ` (at most ${gap.at_most_entries})`;
      printError(`kvmmanager-ctl: entries are missing${count}: ${printable(gap.reason)}`);
    }
    for (const [index, line] of lines.entries()) {
      const isContinued = index === 0 && read.continued === true;
      this.#line(line, isContinued, index === lines.length - 1 && read.cut === true);
    }
    for (const entry of entries) {
      printLine(this.json ? printableJson(entry) : entryText(entry));
    }
    this.printed += lines.length + entries.length;
    return lines.length + entries.length > 0 || gap !== undefined;
  }

  #line(line: string, isContinued: boolean, isCut: boolean): void {
    if (this.json) return printLine(printableJson({ line, continued: isContinued, cut: isCut }));
    if (this.#isMidLine && !isContinued) write("\n");
    write(`${line.split("\t").map(printable).join("\t")}${isCut ? "" : "\n"}`);
    this.#isMidLine = isCut;
  }

  /** Ends a line that was cut. */
  end(): void {
    if (this.#isMidLine) write("\n");
    this.#isMidLine = false;
  }
}

const write = (text: string) => writeBytes(Deno.stdout, new TextEncoder().encode(text));

function entryText(
  { time, unit, identifier, pid, message, cut }: NonNullable<LogRead["entries"]>[number],
): string {
  const program = `${identifier ?? unit ?? "unknown"}${pid === undefined ? "" : `[${pid}]`}`;
  const when = new Date(time * 1000).toISOString();
  return `${when} ${printable(program)}: ${printable(message)}${cut === true ? "…" : ""}`;
}
