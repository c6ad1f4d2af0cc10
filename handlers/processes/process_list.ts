import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { type Process, PROCESS_ORDERS, PROCESS_STATES } from "../../lib/guest/processes.ts";
import { needed } from "../_ability.ts";
import { Room } from "../_room.ts";

const DEFAULT_LIMIT = 200;
const MAX_LIMIT = 1000;
/** Bytes of JSON of a result besides the processes. */
const OTHER_MEMBERS_BYTES = 128;

const Text = () =>
  z.string().check(
    z.minLength(1),
    z.maxLength(64),
    z.refine((text) => text.isWellFormed() && !text.includes("\0"), "must be text without NUL"),
  );

const Entry = () =>
  z.strictObject({
    pid: z.int(),
    start_ticks: z.int(),
    parent_pid: z.int(),
    name: z.string(),
    state: z.enum(PROCESS_STATES),
    uid: z.int(),
    user: z.optional(z.string()),
    thread_count: z.int(),
    cpu_seconds_total: z.number(),
    resident_bytes: z.int(),
    virtual_bytes: z.int(),
    started_at: z.int(),
    arguments: z.optional(z.readonly(z.array(z.string()))),
    arguments_truncated: z.optional(z.boolean()),
  });

/** `process_list`: the guest's processes, page by page. */
export const processList = method({
  name: "process_list",
  capability: "processes",
  access: "see",
  summary: "Lists the guest's processes, page by page.",
  notes: [
    "`name` (exact), `user` (a name or number) and `pid` filter. `sort` is by `pid`, by `cpu` time " +
    "or by resident `memory`, the largest first. A page has at most `limit` processes and fits into " +
    "one message; pass `cursor` to continue. Processes come and go between pages, and those that " +
    "move in the order may be listed twice or not at all.",
    "`pid` and `start_ticks` together name one process for ever; `start_ticks` counts hundredths of " +
    "a second since the guest's start. `name` is the kernel's, at most 15 bytes. CPU time is since " +
    "the start of the process. Where the guest hides other users' processes they are absent.",
    "`arguments` are returned only if `security.process_arguments` is true, since they may hold " +
    "secrets: up to 2048 bytes of each, and a page then has at most 100 processes.",
  ],
  params: () =>
    z.strictObject({
      pid: z.optional(z.int().check(z.gte(1))),
      user: z.optional(Text()),
      name: z.optional(Text()),
      sort: z._default(z.enum(PROCESS_ORDERS), "pid"),
      cursor: z.optional(z.string().check(z.maxLength(40))),
      limit: z._default(z.int().check(z.gte(1), z.lte(MAX_LIMIT)), DEFAULT_LIMIT),
    }),
  result: () =>
    z.strictObject({
      processes: z.array(Entry()),
      total_count: z.int(),
      cursor: z.optional(z.string()),
    }),
  errors: [{ code: ERRORS.commandFailed.code, when: "The guest cannot list processes" }],
  // Command lines could be secret.
  audited: true,
  available: ({ guest }) => guest.processes !== undefined,
  example: {
    params: { sort: "memory", limit: 1 },
    result: {
      processes: [{
        pid: 731,
        start_ticks: 1204,
        parent_pid: 1,
        name: "postgres",
        state: "sleeping",
        uid: 113,
        user: "postgres",
        thread_count: 1,
        cpu_seconds_total: 12.53,
        resident_bytes: 214958080,
        virtual_bytes: 231735296,
        started_at: 1702037068,
      }],
      total_count: 112,
      cursor: "-209920:731",
    },
  },
  target: ({ pid, user, name }) => ({ pid, user, name }),
  policy: (_params, { config: { security } }) => [{
    key: "security.process_arguments",
    entry: String(security.process_arguments),
  }],
  run: async ({ sort, ...filter }, { guest, config, signal, resultLimitBytes }) => {
    const page = await needed(guest.processes, "list processes").list({
      ...filter,
      order: sort,
      withArguments: config.security.process_arguments,
      signal,
    });
    const room = new Room(resultLimitBytes - OTHER_MEMBERS_BYTES);
    const processes = room.take(page.processes.map(toWire));
    const isCut = processes.length < page.processes.length;
    const cursor = page.processes[processes.length - 1]?.cursor;
    return {
      processes,
      total_count: page.total,
      ...((isCut || page.hasMore) && cursor !== undefined ? { cursor } : {}),
    };
  },
});

const toWire = (process: Process) => ({
  pid: process.pid,
  start_ticks: process.startTicks,
  parent_pid: process.parentPid,
  name: process.name,
  state: process.state,
  uid: process.uid,
  ...(process.user === undefined ? {} : { user: process.user }),
  thread_count: process.threads,
  cpu_seconds_total: process.cpuSeconds,
  resident_bytes: process.residentBytes,
  virtual_bytes: process.virtualBytes,
  started_at: process.startedAt,
  ...(process.arguments === undefined ? {} : { arguments: process.arguments }),
  ...(process.argumentsTruncated === true ? { arguments_truncated: true } : {}),
});
