import { object, option, optional, withDefault } from "@optique/core";
import { printError, printLine } from "../../../lib/base/terminal.ts";
import type { AgentClient } from "../../client.ts";
import { isFailedCall } from "../../errors.ts";
import { connectChannel } from "../../hostd_client.ts";
import { sleep } from "../../sleep.ts";
import { defineCommand, lines, seconds, wholeNumber } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget, targetOf } from "../target.ts";

const DEFAULT_INTERVAL_SECONDS = 1;
const TIMEOUT_MS = 5000;

/** `ping`: like ping(8), until Ctrl-C, with statistics at the end. */
export const ping = defineCommand(
  {
    name: "ping",
    brief: "Pings an agent, like ping(8).",
    details: [
      "Ctrl-C stops it and prints statistics. It reconnects, so you can watch a guest go down and come back.",
      "Exit status: 0 if any ping was answered, else 2.",
    ],
    examples: ["ping --domain vm1", "ping --domain vm1 --count 3 --interval 0.2"],
  },
  object({
    count: optional(option("-c", "--count", wholeNumber(1, 999_999_999), {
      description: lines(["the number of pings (default: until Ctrl-C)"]),
    })),
    interval: withDefault(
      option("-i", "--interval", seconds(0.01, 86_400), {
        description: lines(["the time between two pings (default 1)"]),
      }),
      DEFAULT_INTERVAL_SECONDS,
    ),
  }),
  async ({ count = Number.POSITIVE_INFINITY, interval }, invocation) => {
    const { json, signal, lockAs } = invocation;
    const channel = await targetOf(invocation);
    // A failed first connection is an error: the path may be wrong.
    let client: AgentClient | undefined = (await connectTarget(invocation)).client;
    const times: number[] = [];
    let sent = 0;
    try {
      while (sent < count) {
        const start = performance.now();
        sent += 1;
        try {
          if (client?.ended !== undefined) client = undefined;
          client ??= await connectChannel(channel, { lockAs });
          const { timestamp } = await client.call("ping", {}, { timeoutMs: TIMEOUT_MS, signal });
          const ms = performance.now() - start;
          times.push(ms);
          printLine(
            json
              ? printableJson({ seq: sent, ms: round(ms), timestamp })
              : `answer from ${printable(channel.name)}: seq=${sent} time=${ms.toFixed(3)} ms`,
          );
        } catch (error) {
          if (signal.aborted) {
            sent -= 1;
            break;
          }
          if (!isFailedCall(error)) throw error;
          if (json) printLine(printableJson({ seq: sent, error: error.message }));
          else printError(`seq=${sent} ${printable(error.message)}`);
        }
        const left = interval * 1000 - (performance.now() - start);
        if (sent < count && !await sleep(Math.max(0, left), signal)) break;
      }
    } finally {
      await client?.close();
    }
    if (!json) printLine(statistics(channel.name, sent, times));
    return times.length > 0 || sent === 0 ? EXIT.ok : EXIT.unavailable;
  },
);

const round = (ms: number) => Math.round(ms * 1000) / 1000;

function statistics(name: string, sent: number, times: readonly number[]): string {
  const lost = sent === 0 ? 0 : 100 * (sent - times.length) / sent;
  const head = `\n--- ${printable(name)} ping statistics ---\n` +
    `${sent} sent, ${times.length} answered, ${lost.toFixed(0)}% lost`;
  if (times.length === 0) return head;
  const average = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  const variance = times.reduce((sum, ms) => sum + (ms - average) ** 2, 0) / times.length;
  const least = times.reduce((a, b) => Math.min(a, b));
  const most = times.reduce((a, b) => Math.max(a, b));
  const shown = [least, average, most, Math.sqrt(variance)].map((ms) => ms.toFixed(3)).join("/");
  return `${head}\nround trip min/avg/max/mdev = ${shown} ms`;
}
