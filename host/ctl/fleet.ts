/**
 * The VMs of other hosts, for every command that acts on one VM.
 *
 * @module
 */

import { UsageError } from "../../lib/base/command_line.ts";
import { printError } from "../../lib/base/terminal.ts";
import type { AgentChannel } from "../channels.ts";
import type { FleetClient, FleetVm } from "../fleet/client.ts";
import { problemOfUrl } from "../fleet/url.ts";
import { findFleet, isFleetName } from "./fleets_file.ts";
import { printable } from "./printable.ts";

/** The fleet that the command line names. */
export interface FleetAccess {
  /** The connection, which is made once. */
  connect(): Promise<FleetClient>;
}

/** The options that name a fleet. */
export interface FleetOptions {
  /** Its servers' URL, or its name. */
  readonly fleet?: string | undefined;
  readonly creds?: string | undefined;
  readonly tenant?: string | undefined;
}

/**
 * The fleet of `--fleet`; `undefined` without that. Its library is loaded only when it is used.
 *
 * @throws {UsageError}
 */
export async function fleetOf(
  { fleet, creds, tenant }: FleetOptions,
): Promise<FleetAccess | undefined> {
  if (fleet === undefined) {
    if (creds !== undefined) throw new UsageError("--creds needs --fleet");
    if (tenant !== undefined) throw new UsageError("--tenant needs --fleet");
    return undefined;
  }
  const named = isFleetName(fleet) ? await findFleet(fleet) : undefined;
  const url = named?.url ?? fleet;
  const problem = problemOfUrl(url);
  if (problem !== undefined) throw new UsageError(`--fleet ${problem}`);
  const address = { url, credentialsFile: creds ?? named?.creds };
  let connecting: Promise<FleetClient> | undefined;
  const connect = async () => {
    const { FleetClient } = await import("../fleet/client.ts");
    const client = await FleetClient.connect(address, tenant ?? named?.tenant);
    if (client.warning !== undefined) tell(client.warning);
    return client;
  };
  return { connect: () => connecting ??= connect() };
}

/** The VMs of a fleet; what is wrong with it is printed. */
export async function fleetVms(fleet: FleetAccess): Promise<readonly FleetVm[]> {
  const { vms, problems } = await (await fleet.connect()).list();
  problems.forEach(tell);
  return vms;
}

/** A fleet's VMs as channels. */
export async function fleetChannels(fleet: FleetAccess): Promise<AgentChannel[]> {
  const { VmConnection } = await import("../fleet/vm_connection.ts");
  const client = await fleet.connect();
  return (await fleetVms(fleet)).map((vm) => ({
    id: vm.id,
    name: vm.name,
    path: `${vm.host}/${vm.name}`,
    isShortened: false,
    open: () => new VmConnection(client, vm),
  }));
}

/** The VMs that a name, an id or `HOST/NAME` can mean. */
export const fleetChannelsNamed = (
  channels: readonly AgentChannel[],
  wanted: string,
): AgentChannel[] => channels.filter(({ name, id, path }) => [name, id, path].includes(wanted));

const tell = (problem: string) => printError(`kvmmanager-ctl: ${printable(problem)}`);
