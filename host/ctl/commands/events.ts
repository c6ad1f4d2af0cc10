import { object } from "@optique/core";
import { printLine } from "../../../lib/base/terminal.ts";
import { Aborted } from "../../../lib/base/waiting.ts";
import type { PoolEvent } from "../../member.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printableJson } from "../printable.ts";
import { openPool } from "./_pool.ts";

/** `events`: what happens to the agents, one JSON object per line. */
export const events = defineCommand(
  {
    name: "events",
    brief: "Prints what happens to the agents, one JSON object per line, until Ctrl-C.",
    details: [
      "event is one of: connected, the channel is open; ready, the agent has answered (with its",
      "version, null if it refuses to tell); unavailable, the connection was lost, the agent was",
      "restarted or has not answered for 30 seconds (with the reason); gone, the channel was removed;",
      "notification, sent by the agent (with method and params). ready and unavailable alternate.",
    ],
    examples: [
      "events",
      "events --domain vm1",
      "events | jq -c 'select(.event == \"unavailable\")'",
    ],
  },
  object({}),
  async (_values, invocation) => {
    const output = new AbortController();
    const pool = await openPool(invocation, (event) => {
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
