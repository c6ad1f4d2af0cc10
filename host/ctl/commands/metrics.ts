import { object } from "@optique/core";
import { printLine } from "../../../lib/base/terminal.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { bytesText, durationText, table } from "../format.ts";
import { printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

type Metrics = ResultOf<"get_metrics">;

/** `metrics`: what a guest has done since it started. */
export const metrics = defineCommand(
  {
    name: "metrics",
    brief: "Shows the counters of a guest: processors, memory, disks, network.",
    details: ["Counters are since the guest's start. --json prints all of them."],
    examples: ["metrics --domain vm1", "metrics --domain vm1 --json"],
  },
  object({}),
  async (_values, invocation) => {
    const { json, signal } = invocation;
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const metrics = await client.call("get_metrics", {}, { signal });
    printLine(json ? printableJson(metrics, 2) : describe(metrics));
    return EXIT.ok;
  },
);

function describe(metrics: Metrics): string {
  const { cpu, memory, processes, pressure, disks, network } = metrics;
  const used = memory.total_bytes - memory.available_bytes;
  const swapUsed = memory.swap_total_bytes - memory.swap_free_bytes;
  const facts: [string, string][] = [
    ["up for", durationText(metrics.uptime_seconds)],
    ["load", metrics.load_average.map((load) => load.toFixed(2)).join(" ")],
    ["processors", processorText(cpu)],
    ["memory", `${bytesText(used)} of ${bytesText(memory.total_bytes)} in use`],
    ["swap", `${bytesText(swapUsed)} of ${bytesText(memory.swap_total_bytes)} in use`],
    [
      "processes",
      `${processes.process_count} with ${processes.thread_count} threads, ` +
      `${processes.running_count} running, ${processes.blocked_count} blocked`,
    ],
    ["pressure", pressure === undefined ? "not measured" : pressureText(pressure)],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return [
    ...facts.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    "",
    table(
      ["DISK", "READS", "READ", "WRITES", "WRITTEN", "BUSY"],
      disks.map((disk) => [
        disk.name,
        String(disk.reads_total),
        bytesText(disk.read_bytes_total),
        String(disk.writes_total),
        bytesText(disk.written_bytes_total),
        durationText(disk.busy_seconds_total),
      ]),
    ),
    "",
    table(
      ["INTERFACE", "RECEIVED", "PACKETS", "SENT", "PACKETS", "ERRORS", "DROPS"],
      network.map((one) => [
        one.name,
        bytesText(one.received_bytes_total),
        String(one.received_packets_total),
        bytesText(one.sent_bytes_total),
        String(one.sent_packets_total),
        String(one.receive_errors_total + one.send_errors_total),
        String(one.receive_drops_total + one.send_drops_total),
      ]),
    ),
  ].join("\n");
}

/** The share of each state since the start. */
function processorText(cpu: Metrics["cpu"]): string {
  const shares: [string, number][] = [
    ["user", cpu.user_seconds_total + cpu.nice_seconds_total],
    ["system", cpu.system_seconds_total + cpu.irq_seconds_total + cpu.softirq_seconds_total],
    ["waiting for disks", cpu.iowait_seconds_total],
    ["stolen", cpu.steal_seconds_total],
    ["idle", cpu.idle_seconds_total],
  ];
  const all = shares.reduce((sum, [, seconds]) => sum + seconds, 0);
  return shares.map(([name, seconds]) =>
    `${(100 * seconds / Math.max(all, 0.01)).toFixed(1)}% ${name}`
  )
    .join(", ");
}

function pressureText(pressure: NonNullable<Metrics["pressure"]>): string {
  return (["cpu", "memory", "io"] as const).map((name) =>
    `${name} ${pressure[name].some?.avg60_percent.toFixed(1) ?? "?"}%`
  ).join(", ") + " of the last minute";
}
