import { object, option, optional, string } from "@optique/core";
import { UsageError } from "../../../lib/base/command_line.ts";
import { printError, printLine } from "../../../lib/base/terminal.ts";
import { Aborted } from "../../../lib/base/waiting.ts";
import type { PoolEvent } from "../../member.ts";
import { followEvents } from "../../follow.ts";
import { isEventCursor } from "../../fleet/events.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand, type Invocation, lines } from "../command.ts";
import { EXIT } from "../exit.ts";
import type { FleetAccess } from "../fleet.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";
import { followOptions } from "./_follow.ts";
import { openPool } from "./_pool.ts";

/** `events`: what happens to the agents, or in one guest, one JSON object per line. */
export const events = defineCommand(
  {
    name: "events",
    brief: "Prints what happens to the agents, or in one guest, one JSON object per line.",
    details: [
      "event is one of: connected, the channel is open; ready, the agent has answered (with its",
      "version, null if it refuses to tell); unavailable, the connection was lost, the agent was",
      "restarted or has not answered for 30 seconds (with the reason); gone, the channel was removed;",
      "notification, sent by the agent (with method and params). ready and unavailable alternate.",
      "It goes on until Ctrl-C. With --since or -f it reads the journal of one guest instead, which",
      "has what happened while no host was connected: each line has the event's seq, type, event,",
      "data, timestamp and the cursor after it. --since takes such a cursor, or start for the oldest",
      "event; -f goes on with new events until Ctrl-C, also after a lost connection.",
      "With --fleet and without --domain it reads what the fleet's servers have kept of all VMs, in",
      "the same way; --keep has them keep it from then on.",
    ],
    examples: [
      "events",
      "events --domain vm1",
      "events --domain vm1 --since start",
      "events --domain vm1 -f",
      "events --fleet prod --since start -f",
      "events | jq -c 'select(.event == \"unavailable\")'",
    ],
  },
  object({
    since: optional(option("--since", string({ metavar: "CURSOR" }), {
      description: lines(["the guest's journal after this cursor, or from the start"]),
    })),
    follow: option("-f", "--follow", { description: lines(["goes on with new events"]) }),
    keep: option("--keep", {
      description: lines(["with --fleet, has its servers keep the events of all VMs"]),
    }),
  }),
  async ({ since, follow, keep }, invocation) => {
    const { fleet, domain, socket } = invocation;
    if (keep) {
      if (fleet === undefined) throw new UsageError("--keep needs --fleet");
      await (await fleet.connect()).keepEvents();
      return EXIT.ok;
    }
    if (fleet !== undefined && domain === undefined && socket === undefined) {
      return await readFleet(fleet, since, follow, invocation);
    }
    if (since !== undefined || follow) return await readJournal(since, follow, invocation);
    const output = new AbortController();
    const pool = await openPool(invocation, "events -f --domain NAME for one guest", (event) => {
      try {
        printLine(printableJson(toLine(event)));
      } catch (error) {
        // Thrown here it would be the pool's.
        output.abort(error);
      }
    });
    await using _pool = pool;
    const aborted = new Aborted(AbortSignal.any([invocation.signal, output.signal]));
    using _aborted = aborted;
    await aborted.happened;
    output.signal.throwIfAborted();
    return EXIT.ok;
  },
);

/** Prints what the fleet's servers have kept; without a cursor, what happens from now on. */
async function readFleet(
  fleet: FleetAccess,
  since: string | undefined,
  isFollowed: boolean,
  { signal }: Invocation,
): Promise<number> {
  if (since !== undefined && !isEventCursor(since)) {
    throw new UsageError(`--since must be a cursor of the fleet's events or start, not "${since}"`);
  }
  const client = await fleet.connect();
  const read = { since, isFollowed: isFollowed || since === undefined, signal };
  for await (const { host, tenant, event, cursor } of client.events(read)) {
    printLine(printableJson({ ...event, host, tenant, cursor }));
  }
  return EXIT.ok;
}

/** Prints the guest's own journal. */
async function readJournal(
  since: string | undefined,
  isFollowed: boolean,
  invocation: Invocation,
): Promise<number> {
  const cursor = since === "start" ? undefined : since;
  // Only what is new.
  const selection = since === undefined ? { last: 0 } : { cursor };
  const { signal } = invocation;
  if (isFollowed) {
    for await (const read of followEvents(selection, followOptions(invocation))) print(read);
    return EXIT.ok;
  }
  const { client } = await connectTarget(invocation);
  await using _client = client;
  let read = await client.call("events_read", selection, { signal });
  while (print(read)) read = await client.call("events_read", { cursor: read.cursor }, { signal });
  return EXIT.ok;
}

/** Prints events; returns whether there were any. */
function print({ events, cursor, gap }: ResultOf<"events_read">): boolean {
  if (gap !== undefined) {
    const count = gap.lost === undefined ? "" : ` (${gap.lost})`;
    printError(`kvmmanager-ctl: events are missing${count}: ${printable(gap.reason)}`);
  }
  for (const event of events) {
    // The cursor ends in the number of the next event.
    const after = cursor.replace(/\d+$/, String(event.seq + 1));
    printLine(printableJson({ ...event, cursor: after }));
  }
  return events.length > 0 || gap !== undefined;
}

function toLine(event: PoolEvent): Record<string, unknown> {
  const { name, path, info } = event.agent;
  const time = new Date().toISOString();
  if (event.kind === "event") {
    const { method, params } = event.notification;
    return { time, event: "notification", name, socket: path, method, params };
  }
  const reason = event.kind === "unavailable" ? { reason: event.reason } : {};
  const version = event.kind === "ready" ? { version: info?.version ?? null } : {};
  return { time, event: event.kind, name, socket: path, ...reason, ...version };
}
