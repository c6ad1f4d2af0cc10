import { object } from "@optique/core";
import { printLine } from "../../../lib/base/terminal.ts";
import { Aborted } from "../../../lib/base/waiting.ts";
import type { PoolEvent } from "../../member.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printableJson } from "../printable.ts";
import { openPool } from "./_pool.ts";

/** `events`: what happens to the VMs, one JSON object a line. */
export const events = defineCommand(
  {
    name: "events",
    brief: "Prints what happens to the agents, one JSON object a line, until Ctrl-C.",
    details: [
      "event is connected, ready, unavailable (with reason), recovered, gone, or notification, with",
      "the method and the parameters that the agent sent.",
    ],
    examples: [
      "events",
      "events --domain vm1",
      "events | jq -c 'select(.event == \"unavailable\")'",
    ],
  },
  object({}),
  async (_values, invocation) => {
    const pool = await openPool(invocation, (event) => printLine(printableJson(toLine(event))));
    await using _pool = pool;
    const aborted = new Aborted(invocation.signal);
    using _aborted = aborted;
    await aborted.happened;
    return EXIT.ok;
  },
);

function toLine(event: PoolEvent): Record<string, unknown> {
  const { name, path } = event.agent;
  const time = new Date().toISOString();
  if (event.kind === "event") {
    const { method, params } = event.notification;
    return { time, event: "notification", name, socket: path, method, params };
  }
  const reason = event.kind === "unavailable" ? { reason: event.reason } : {};
  const version = event.kind === "ready" ? { version: event.agent.info?.version } : {};
  return { time, event: event.kind, name, socket: path, ...reason, ...version };
}
