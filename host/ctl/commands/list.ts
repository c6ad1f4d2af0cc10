import { object } from "@optique/core";
import { UsageError } from "../../../lib/base/command_line.ts";
import { messageOf } from "../../../lib/base/message_of.ts";
import { printError, printLine } from "../../../lib/base/terminal.ts";
import type { AgentChannel, FoundChannels } from "../../channels.ts";
import { CallError, unlessRefused } from "../../errors.ts";
import { connectChannel } from "../../hostd_client.ts";
import { fullestDisk, mainAddress } from "../../overview.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand, type Invocation } from "../command.ts";
import { EXIT } from "../exit.ts";
import { durationText, table } from "../format.ts";
import { type FleetAccess, fleetVms } from "../fleet.ts";
import { printable, printableJson } from "../printable.ts";
import { channelsOf, targetOf } from "../target.ts";
import { labelOption, withLabels } from "./_fan_out.ts";

/** How long each VM may take; they are queried in parallel. */
const TIMEOUT_MS = 5000;
const HEADING = ["NAME", "STATE", "OS", "ADDRESS", "UPTIME", "LOAD", "FULLEST DISK"] as const;

const FLEET_HEADING = ["NAME", "HOST", "TENANT", "STATE", "LABELS"] as const;

/** A row of the list. */
interface Row {
  readonly name: string;
  readonly socket: string;
  /** `ready`, or why not. */
  readonly state: string;
  readonly system?: ResultOf<"get_system_info">;
  readonly address?: string;
  readonly fullest_disk?: ResultOf<"get_disk_usage">["filesystems"][number];
}

/** `list`: the VMs of the host that have an agent channel. */
export const list = defineCommand(
  {
    name: "list",
    brief: "Lists the VMs that have an agent channel.",
    details: [
      "A VM that does not answer within 5 seconds is listed with the reason. --domain or --socket",
      "limits the list to one VM. With --fleet it shows what the hosts say and asks no agent. Exit status: 2 if no search path could be read, else 0.",
    ],
    examples: ["list", "list --json", "list --channels '/run/vms/*.sock'"],
  },
  object({ labels: labelOption }),
  async ({ labels }, invocation) => {
    const { searchPaths, json, signal, fleet } = invocation;
    if (fleet !== undefined) return await listFleet(fleet, labels, invocation);
    if (labels.length > 0) throw new UsageError("--label chooses VMs of a fleet: give --fleet");
    const { channels, problems } = await selectedChannels(invocation);
    const rows = await Promise.all(channels.map((channel) => describeVm(channel, invocation)));
    signal.throwIfAborted();
    for (const { path, reason } of problems) {
      printError(`kvmmanager-ctl: ${printable(path)}: ${printable(reason)}`);
    }
    if (json) printLine(printableJson(rows, 2));
    else if (rows.length > 0) printLine(table(HEADING, rows.map(cells)));
    else if (problems.length === 0) {
      printError(`kvmmanager-ctl: no VM has an agent channel in ${searchPaths.join(", ")}`);
    }
    return problems.length > 0 && rows.length === 0 ? EXIT.unavailable : EXIT.ok;
  },
);

/** Lists what the hosts say of their VMs; no agent is asked. */
async function listFleet(
  fleet: FleetAccess,
  labels: readonly string[],
  { domain, json }: Invocation,
): Promise<number> {
  const vms = withLabels(await fleetVms(fleet), labels).filter(({ id, name, host }) =>
    domain === undefined || [id, name, `${host}/${name}`].includes(domain)
  );
  if (json) printLine(printableJson(vms, 2));
  else if (vms.length === 0) printError("kvmmanager-ctl: no VM of the fleet is like that");
  else {
    const rows = vms.map(({ name, host, tenant, state, claimedBy, labels }) => [
      name,
      host,
      tenant,
      claimedBy === undefined ? state : `claimed by ${claimedBy.join(" and ")}`,
      Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(" "),
    ]);
    printLine(table(FLEET_HEADING, rows));
  }
  return EXIT.ok;
}

/** The named VM, or all. */
async function selectedChannels(invocation: Invocation): Promise<FoundChannels> {
  const { socket, domain } = invocation;
  if (socket === undefined && domain === undefined) return await channelsOf(invocation);
  return { channels: [await targetOf(invocation)], problems: [] };
}

async function describeVm(
  channel: AgentChannel,
  { signal, lockAs }: Invocation,
): Promise<Row> {
  const { name, path } = channel;
  const options = { timeoutMs: TIMEOUT_MS, signal };
  try {
    const client = await connectChannel(channel, { lockAs });
    await using _client = client;
    const [system, network, disks] = await Promise.all([
      client.call("get_system_info", {}, options),
      unlessRefused(client.call("get_network_info", {}, options)),
      unlessRefused(client.call("get_disk_usage", {}, options)),
    ]);
    return {
      name,
      socket: path,
      state: "ready",
      system,
      address: network === undefined ? undefined : mainAddress(network.interfaces),
      fullest_disk: disks === undefined ? undefined : fullestDisk(disks.filesystems),
    };
  } catch (error) {
    return { name, socket: path, state: stateOf(error) };
  }
}

function stateOf(error: unknown): string {
  if (!(error instanceof CallError)) return `error: ${messageOf(error)}`;
  return error.reason === "timeout" ? "no answer" : error.reason;
}

function cells({ name, state, system, address, fullest_disk }: Row): string[] {
  const disk = fullest_disk === undefined
    ? ""
    : `${fullest_disk.used_percent.toFixed(0)}% ${fullest_disk.mount_point}`;
  return [
    name,
    state,
    system === undefined ? "" : `${system.os_name} ${system.os_version}`,
    address ?? "",
    system === undefined ? "" : durationText(system.uptime_seconds),
    system?.load_average?.[0]?.toFixed(2) ?? "",
    disk,
  ];
}
