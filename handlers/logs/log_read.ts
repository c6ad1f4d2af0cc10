import * as z from "zod";
import { needed } from "../_ability.ts";
import { ERRORS } from "../../lib/base/errors.ts";
import { type Context, method } from "../../lib/core/method.ts";
import { MAX_WAIT_SECONDS } from "../../lib/core/waiting_calls.ts";
import type { LogGap } from "../../lib/guest/logs.ts";
import { sourceOf } from "./_source.ts";

const DEFAULT_LINES = 100;
const MAX_LINES = 5000;
const MIN_BYTES = 64;
/** More would not make reading faster, and take memory. */
const MAX_BYTES = 256 * 1024;
/** Bytes of JSON of a result besides lines or entries: the cursor, a gap, names. */
const OTHER_MEMBERS_BYTES = 768;

const Entry = () =>
  z.strictObject({
    time: z.number(),
    priority: z.optional(z.int()),
    unit: z.optional(z.string()),
    identifier: z.optional(z.string()),
    pid: z.optional(z.int()),
    message: z.string(),
    cut: z.optional(z.boolean()),
  });

const Params = () =>
  z.strictObject({
    path: z.optional(z.string()),
    unit: z.optional(z.string()),
    kernel: z.optional(z.literal(true)),
    cursor: z.optional(z.string()),
    lines: z.optional(z.int().check(z.gte(0), z.lte(MAX_LINES))),
    since: z.optional(z.number().check(z.gte(0), z.lte(Number.MAX_SAFE_INTEGER / 1e6))),
    wait_seconds: z._default(z.int().check(z.gte(0), z.lte(MAX_WAIT_SECONDS)), 0),
    max_bytes: z.optional(z.int().check(z.gte(MIN_BYTES), z.lte(MAX_BYTES))),
  });

type LogParams = z.output<ReturnType<typeof Params>>;

/** `log_read`: lines of a log file, or entries of the journal, from a cursor on. */
export const logRead = method({
  name: "log_read",
  capability: "log_read",
  access: "see",
  summary: "Reads a log file or the journal, from a cursor on.",
  notes: [
    "Exactly one of `path`, `unit` and `kernel` names the log: a text file inside " +
    "`allowed_read_paths` (which also needs the group `file-read`), a unit in systemd's journal, " +
    "or the kernel's messages there. A file answers with `lines`, the journal with `entries`: " +
    "`time` in seconds since 1970, `priority` 0 (emergency) to 7 (debug), `unit`, `identifier`, " +
    "`pid`, `message`.",
    "Without `cursor` it returns the last `lines` lines (100 by default), or with `since` (seconds " +
    "since 1970, journal only) the first from then on. With the `cursor` of the last answer it " +
    "returns what follows, at most `lines`, `max_bytes` bytes of JSON (256 KiB at most), and what " +
    "fits into one message. If nothing follows yet, it waits up to `wait_seconds`. The cursor is " +
    "all that is needed to continue, also after a lost connection or a restart of the agent.",
    "A log file is followed through renaming, truncation, copying and compression " +
    "(`.gz`, `.xz`, `.zst` and `.bz2`, if the guest has the program): no line is returned twice, " +
    "and none is left out that its files still hold. `gap` tells that some were removed before " +
    "they were read; `at_most_entries` is known only for the journal.",
    "`cut` means that the last line is incomplete, because it is long or still being written, and " +
    "`continued` that the first line continues it. An unfinished line is held back for a second. " +
    "Bytes that are not UTF-8 become U+FFFD. The message of an entry that does not fit is cut " +
    "(`cut` of the entry).",
  ],
  available: ({ guest }) => guest.logs !== undefined,
  audited: true,
  params: Params,
  result: () =>
    z.strictObject({
      lines: z.optional(z.readonly(z.array(z.string()))),
      entries: z.optional(z.readonly(z.array(Entry()))),
      cursor: z.string(),
      continued: z.optional(z.literal(true)),
      cut: z.optional(z.literal(true)),
      gap: z.optional(z.strictObject({
        reason: z.string(),
        at_most_entries: z.optional(z.int()),
      })),
    }),
  errors: [
    {
      code: ERRORS.permissionDenied.code,
      when: "Outside `allowed_read_paths`, through a symbolic link, or the agent's user may not " +
        "read the log; for the journal, the reason names the group to add",
    },
    { code: ERRORS.notFound.code, when: "The file does not exist" },
    {
      code: ERRORS.commandFailed.code,
      when: "Not a regular file, a binary file, or the guest has no `journalctl`",
    },
  ],
  example: {
    params: { path: "/var/log/app.log", lines: 2 },
    result: {
      lines: ["12:00:01 started", "12:00:02 ready"],
      cursor: "f1.9d0f2b7a.2049-131077.4096.5f0c3c1d2e4b6a79.1702123456000.l",
    },
  },
  target: ({ path, unit, kernel }) => ({ path, unit, kernel }),
  policy: (params, services) => {
    const source = sourceOf(params, services);
    return source.kind === "journal" ? [] : [
      { key: "security.allow", entry: "file-read", parameter: "path" },
      { key: "security.allowed_read_paths", entry: source.path.root, parameter: "path" },
    ];
  },
  wait: (params, context) => {
    const { cursor, wait_seconds: seconds } = params;
    const source = sourceOf(params, context);
    if (cursor === undefined || seconds === 0) return undefined;
    const logs = needed(context.guest.logs, "read logs");
    return {
      seconds,
      event: (signal) =>
        source.kind === "file"
          ? logs.fileChange(source.path, cursor, signal)
          : logs.journalChange(source.journal, cursor, signal),
    };
  },
  run: async (params, context) => {
    const source = sourceOf(params, context);
    const { guest, signal } = context;
    const logs = needed(guest.logs, "read logs");
    const { cursor, since } = params;
    const limits = limitsOf(params, context);
    if (source.kind === "journal") {
      const read = await logs.readJournal(source.journal, { cursor, since, limits }, signal);
      return { entries: read.entries, cursor: read.cursor, ...gapToWire(read.gap) };
    }
    const read = await logs.readFile(source.path, { cursor, limits }, signal);
    return {
      lines: read.lines,
      cursor: read.cursor,
      ...(read.isContinued ? { continued: true as const } : {}),
      ...(read.isCut ? { cut: true as const } : {}),
      ...gapToWire(read.gap),
    };
  },
});

function limitsOf(
  { cursor, lines, since, max_bytes }: LogParams,
  { resultLimitBytes }: Pick<Context, "resultLimitBytes">,
) {
  const isTail = cursor === undefined && since === undefined;
  return {
    lines: lines ?? (isTail ? DEFAULT_LINES : MAX_LINES),
    jsonBytes: Math.max(
      MIN_BYTES,
      Math.min(max_bytes ?? MAX_BYTES, MAX_BYTES, resultLimitBytes - OTHER_MEMBERS_BYTES),
    ),
  };
}

function gapToWire(gap: LogGap | undefined) {
  if (gap === undefined) return {};
  const { reason, atMostEntries } = gap;
  return {
    gap: { reason, ...(atMostEntries === undefined ? {} : { at_most_entries: atMostEntries }) },
  };
}
