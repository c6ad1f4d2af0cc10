/**
 * `shutdown` and `reboot`, and waiting for them.
 *
 * @module
 */

import { object, option, optional } from "@optique/core";
import { printError, printLine } from "../../../lib/base/terminal.ts";
import type { AgentChannel } from "../../channels.ts";
import { AnswerError, CallError } from "../../errors.ts";
import { connectChannel } from "../../hostd_client.ts";
import { sleep } from "../../sleep.ts";
import { defineCommand, type Invocation, lines, seconds } from "../command.ts";
import { EXIT } from "../exit.ts";
import { durationText } from "../format.ts";
import { printableJson } from "../printable.ts";
import { connectTarget, targetOf } from "../target.ts";

const DEFAULT_TIMEOUT_SECONDS = 60;
/** Extra time after the guest was forced, to turn off or to come up again. */
const WAIT_MORE_SECONDS = { shutdown: 30, reboot: 300 } as const;
const POLL_MS = 500;
const TIMEOUT_MS = 2000;
/** After this many polls without an answer, a guest with an open channel counts as off. */
const SILENT_POLLS = 3;

/** Defines the command of a power action. */
export function powerCommand(action: "shutdown" | "reboot", brief: string, waitsFor: string) {
  return defineCommand(
    {
      name: action,
      brief,
      details: [
        `With --wait it ends when ${waitsFor}. Exit status: 2 if that takes too long.`,
      ],
      examples: [`${action} --domain vm1`, `${action} --domain vm1 --wait --timeout 120`],
    },
    object({
      wait: option("--wait", { description: lines([`waits until ${waitsFor}`]) }),
      force: option("--force", {
        description: lines(["acts immediately, without asking programs to exit"]),
      }),
      timeout: optional(option("--timeout", seconds(0, 86_400), {
        description: lines(["forces a guest that is still up after this time (default 60)"]),
      })),
    }),
    async ({ wait, force, timeout = DEFAULT_TIMEOUT_SECONDS }, invocation) => {
      const { json } = invocation;
      const start = performance.now();
      const timeout_seconds = Math.ceil(timeout);
      const uptime = await request(action, { force, timeout_seconds }, wait, invocation);
      if (!wait) {
        printLine(json ? printableJson({ initiated: true }) : `${action} initiated`);
        return EXIT.ok;
      }
      if (!json) printError(`${action} initiated, waiting until ${waitsFor}`);
      const deadline = start + (timeout_seconds + WAIT_MORE_SECONDS[action]) * 1000;
      const channel = await targetOf(invocation);
      const isDone = action === "shutdown"
        ? await untilDown(channel, deadline, invocation)
        : await untilBackUp(channel, { uptime, start }, deadline, invocation);
      const took = (performance.now() - start) / 1000;
      if (json) printLine(printableJson({ initiated: true, done: isDone, seconds: took }));
      else if (isDone) printLine(`${action} completed after ${durationText(took)}`);
      else printError(`kvmmanager-ctl: not completed after ${durationText(took)}`);
      return isDone ? EXIT.ok : EXIT.unavailable;
    },
  );
}

/** Requests the action; returns the uptime before it if that is needed. */
async function request(
  action: "shutdown" | "reboot",
  params: { readonly force: boolean; readonly timeout_seconds: number },
  needsUptime: boolean,
  invocation: Invocation,
): Promise<number> {
  const { signal } = invocation;
  const { client } = await connectTarget(invocation);
  await using _client = client;
  const uptime = needsUptime
    ? (await client.call("get_system_info", {}, { signal })).uptime_seconds
    : 0;
  await client.call(action, params, { signal });
  return uptime;
}

/** Whether the guest went down in time: the channel is gone, or the agent has stopped answering. */
async function untilDown(
  channel: AgentChannel,
  deadline: number,
  invocation: Invocation,
): Promise<boolean> {
  for (let silent = 0; performance.now() < deadline;) {
    const uptime = await uptimeOf(channel, invocation);
    if (uptime === "not served") return true;
    silent = uptime === undefined ? silent + 1 : 0;
    if (silent >= SILENT_POLLS) return true;
    if (!await sleep(POLL_MS, invocation.signal)) throw invocation.signal.reason;
  }
  return false;
}

/** Whether the guest came back in time: it has been up for less time than since the request. */
async function untilBackUp(
  channel: AgentChannel,
  before: { readonly uptime: number; readonly start: number },
  deadline: number,
  invocation: Invocation,
): Promise<boolean> {
  while (performance.now() < deadline) {
    const uptime = await uptimeOf(channel, invocation);
    const withoutReboot = before.uptime + (performance.now() - before.start) / 1000;
    // The uptime is rounded, and a slow guest reports it late.
    if (typeof uptime === "number" && uptime < withoutReboot - 2 && uptime <= before.uptime) {
      return true;
    }
    if (!await sleep(POLL_MS, invocation.signal)) throw invocation.signal.reason;
  }
  return false;
}

/** The guest's uptime in seconds; `undefined` if it does not answer. */
async function uptimeOf(
  channel: AgentChannel,
  { signal, lockAs }: Invocation,
): Promise<number | "not served" | undefined> {
  try {
    const client = await connectChannel(channel, { lockAs });
    await using _client = client;
    const options = { timeoutMs: TIMEOUT_MS, signal };
    return (await client.call("get_system_info", {}, options)).uptime_seconds;
  } catch (error) {
    if (error instanceof CallError) {
      return error.reason === "not served" || error.reason === "no socket"
        ? "not served"
        : undefined;
    }
    if (error instanceof AnswerError) return undefined;
    throw error;
  }
}
