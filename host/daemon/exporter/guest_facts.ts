/**
 * What the exporter knows of one guest.
 *
 * @module
 */

import type { ClockOffset } from "../../clock_offset.ts";
import type { ResultOf } from "../../protocol.ts";
import { Admission } from "./admission.ts";

/** `get_metrics`, as told. */
export type Metrics = ResultOf<"get_metrics">;
/** A file system of `get_disk_usage`. */
export type Filesystem = ResultOf<"get_disk_usage">["filesystems"][number];
/** A network interface of `get_metrics`. */
export type NetworkDevice = Metrics["network"][number];
/** A disk of `get_metrics`. */
export type Disk = Metrics["disks"][number];
/** `get_system_info`, as told. */
export type SystemInfo = ResultOf<"get_system_info">;
/** `get_agent_info`, as told. */
export type AgentInfo = ResultOf<"get_agent_info">;

/** The kinds of entries that a guest may have many of. */
export const KINDS = ["filesystem", "network", "disk", "unit"] as const;
/** One of {@link KINDS}. */
export type Kind = (typeof KINDS)[number];

/** What was last learned of a guest; a part that its agent does not tell is absent. */
export interface GuestFacts {
  agent?: AgentInfo;
  system?: SystemInfo;
  metrics?: Metrics;
  network?: readonly NetworkDevice[];
  disks?: readonly Disk[];
  filesystems?: readonly Filesystem[];
  clock?: ClockOffset;
  /** The names of its failed units. */
  failedUnits?: readonly string[];
  /** The number of its failed units, also of those that are not listed. */
  failedUnitCount?: number;
  /** How many entries of each kind are left out. */
  readonly omitted: Record<Kind, number>;
}

/** How many different names of each kind a guest may have within an hour. */
const LIMITS: Readonly<Record<Kind | "system" | "agent", number>> = {
  filesystem: 64,
  network: 32,
  disk: 32,
  unit: 20,
  system: 4,
  agent: 4,
};

/** Interfaces that software in the guest creates and removes, one or two for each container. */
const CONTAINER_DEVICE_REGEXP =
  /^(lo$|veth|cali|cni|flannel|lxc|lxd|tap|vnet|docker|podman|br-|virbr)/;

/** Takes in what a guest tells of itself, and keeps a bounded part of it. */
export class GuestRecord {
  readonly facts: GuestFacts = { omitted: { filesystem: 0, network: 0, disk: 0, unit: 0 } };
  readonly #filesystems = new Admission(LIMITS.filesystem);
  readonly #network = new Admission(LIMITS.network);
  readonly #disks = new Admission(LIMITS.disk);
  readonly #units = new Admission(LIMITS.unit);
  readonly #systems = new Admission(LIMITS.system);
  readonly #agents = new Admission(LIMITS.agent);

  /** Takes in what the pool knows of the guest. */
  setDescription(
    { info, system }: { readonly info?: AgentInfo; readonly system?: SystemInfo },
    now: number,
  ): void {
    const { facts } = this;
    const shown = (one: AgentInfo) => JSON.stringify([one.version, one.protocol_version]);
    const listed = (one: SystemInfo) =>
      JSON.stringify([
        one.os_type,
        one.os_name,
        one.os_version,
        one.kernel_version,
        one.architecture,
        one.hostname,
      ]);
    [facts.agent] = this.#agents.admit(info === undefined ? [] : [info], shown, now);
    [facts.system] = this.#systems.admit(system === undefined ? [] : [system], listed, now);
  }

  /** Takes in `get_metrics`; `undefined` if the agent does not tell. */
  setMetrics(metrics: Metrics | undefined, now: number): void {
    const { facts } = this;
    const network = metrics?.network.filter(({ name }) => !CONTAINER_DEVICE_REGEXP.test(name)) ??
      [];
    facts.metrics = metrics;
    facts.network = this.#network.admit(network, ({ name }) => name, now);
    facts.disks = this.#disks.admit(metrics?.disks ?? [], ({ name }) => name, now);
    facts.omitted.network = network.length - facts.network.length + (metrics?.network_omitted ?? 0);
    facts.omitted.disk = (metrics?.disks.length ?? 0) - facts.disks.length +
      (metrics?.disks_omitted ?? 0);
  }

  /** Takes in `get_disk_usage`; `undefined` if the agent does not tell. */
  setFilesystems(filesystems: readonly Filesystem[] | undefined, now: number): void {
    const { facts } = this;
    const name = ({ mount_point, device, fs_type }: Filesystem) =>
      JSON.stringify([mount_point, device, fs_type]);
    facts.filesystems = this.#filesystems.admit(filesystems ?? [], name, now);
    facts.omitted.filesystem = (filesystems?.length ?? 0) - facts.filesystems.length;
  }

  /** Takes in the failed units; `undefined` if the agent does not tell. */
  setFailedUnits(
    failed: { readonly names: readonly string[]; readonly count: number } | undefined,
    now: number,
  ): void {
    const { facts } = this;
    facts.failedUnits = this.#units.admit(failed?.names ?? [], (name) => name, now);
    facts.failedUnitCount = failed?.count;
    facts.omitted.unit = (failed?.count ?? 0) - facts.failedUnits.length;
  }
}
