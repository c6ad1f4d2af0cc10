import { object } from "@optique/core";
import { printLine } from "../../../lib/base/terminal.ts";
import { AnswerError } from "../../errors.ts";
import { memoryPercent } from "../../overview.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { bytesText, durationText, table } from "../format.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

/** The answers; a text is the reason why the agent refused one. */
interface Facts {
  readonly agent: ResultOf<"get_agent_info"> | string;
  readonly system: ResultOf<"get_system_info"> | string;
  readonly network: ResultOf<"get_network_info"> | string;
  readonly disks: ResultOf<"get_disk_usage"> | string;
}

/** `info`: describes one VM. */
export const info = defineCommand(
  {
    name: "info",
    brief: "Describes a VM: agent, system, network, file systems.",
    examples: ["info --domain vm1", "info --socket /run/vm1.sock --json"],
  },
  object({}),
  async (_values, invocation) => {
    const { json, signal } = invocation;
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const [agent, system, network, disks] = await Promise.all([
      orReason(client.call("get_agent_info", {}, { signal })),
      orReason(client.call("get_system_info", {}, { signal })),
      orReason(client.call("get_network_info", {}, { signal })),
      orReason(client.call("get_disk_usage", {}, { signal })),
    ]);
    const facts = { agent, system, network, disks };
    printLine(json ? printableJson(facts, 2) : describe(facts));
    return EXIT.ok;
  },
);

async function orReason<T>(call: Promise<T>): Promise<T | string> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof AnswerError) return `refused: ${error.reason}`;
    throw error;
  }
}

function describe({ agent, system, network, disks }: Facts): string {
  return [
    ...pairs("Agent", typeof agent === "string" ? agent : agentPairs(agent)),
    ...pairs("System", typeof system === "string" ? system : systemPairs(system)),
    ...section("Network", typeof network === "string" ? network : networkTable(network)),
    ...section("File systems", typeof disks === "string" ? disks : diskTable(disks)),
  ].join("\n");
}

const agentPairs = (agent: ResultOf<"get_agent_info">): [string, string][] => [
  ["version", `${agent.version} (protocol ${agent.protocol_version}, ${agent.platform})`],
  ["capabilities", agent.capabilities.join(", ")],
];

function systemPairs(system: ResultOf<"get_system_info">): [string, string][] {
  const used = memoryPercent(system);
  const memory = bytesText(system.total_memory_kb * 1024);
  return [
    ["host name", system.hostname],
    ["operating system", `${system.os_name} ${system.os_version}`],
    ["kernel", `${system.kernel_version} ${system.architecture}`],
    ["up for", durationText(system.uptime_seconds)],
    ["processors", String(system.cpu_count)],
    ["memory", used === undefined ? memory : `${memory}, ${used.toFixed(0)}% used`],
    ["load", system.load_average?.map((load) => load.toFixed(2)).join(" ") ?? "not reported"],
  ];
}

const networkTable = ({ interfaces }: ResultOf<"get_network_info">) =>
  table(
    ["NAME", "STATE", "MAC", "MTU", "ADDRESSES"],
    interfaces.map((one) => [
      one.name,
      one.state,
      one.mac_address,
      String(one.mtu),
      [...one.ipv4_addresses, ...one.ipv6_addresses].join(" "),
    ]),
  );

function diskTable({ filesystems, unresponsive = [] }: ResultOf<"get_disk_usage">): string {
  const rows = filesystems.map((one) => [
    one.mount_point,
    one.device,
    one.fs_type,
    bytesText(one.total_bytes),
    bytesText(one.available_bytes),
    `${one.used_percent.toFixed(1)}%`,
  ]);
  const hung = unresponsive.map((mountPoint) => [mountPoint, "does not answer", "", "", "", ""]);
  return table(["MOUNTED ON", "DEVICE", "TYPE", "SIZE", "AVAILABLE", "USED"], [...rows, ...hung]);
}

function pairs(title: string, content: readonly [string, string][] | string): string[] {
  if (typeof content === "string") return section(title, printable(content));
  const width = Math.max(...content.map(([name]) => name.length));
  const rows = content.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`);
  return section(title, rows.join("\n"));
}

const section = (title: string, content: string): string[] => [
  title,
  ...content.split("\n").map((line) => `  ${line}`),
];
