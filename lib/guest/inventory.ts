/**
 * Facts about the guest's hardware, kernel and users that few callers ask for, read each time.
 *
 * @module
 */

/** What uname(2) and os-release(5) tell. */
export interface OperatingSystem {
  readonly kernelRelease: string;
  readonly kernelVersion: string;
  readonly machine: string;
  /** The fields of os-release(5) by name, such as `VERSION_ID`. */
  readonly osRelease: ReadonlyMap<string, string>;
}

/** The local time zone at this moment. */
export interface TimeZone {
  /** Seconds east of UTC. */
  readonly offsetSeconds: number;
  /** Such as `CEST`. */
  readonly name: string;
}

/** Somebody who is logged in. */
export interface Session {
  readonly user: string;
  /** Seconds since 1970-01-01 UTC, with a fraction. */
  readonly loginTime: number;
  /** Of a Windows account. */
  readonly domain?: string;
}

/** A processor or a block of memory that may be switched on and off. */
export interface Pluggable {
  readonly index: number;
  readonly isOnline: boolean;
  readonly canOffline: boolean;
}

/** Counters of a processor, in milliseconds since the start, by the names of proc(5). */
export interface ProcessorTimes {
  readonly index: number;
  readonly milliseconds: Readonly<Record<string, number>>;
}

/** Counters of a disk since the start, in the order of the kernel's iostats. */
export interface DiskCounters {
  readonly name: string;
  readonly major: number;
  readonly minor: number;
  /** 11, 15 or 17 numbers, depending on the kernel. */
  readonly values: readonly number[];
}

/** Counters of a network interface since the start. */
export interface LinkCounters {
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receiveErrors: number;
  readonly receiveDrops: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sendErrors: number;
  readonly sendDrops: number;
}

/** Where a disk is plugged in; -1 for what is not known. */
export interface DiskAddress {
  readonly busType: string;
  readonly bus: number;
  readonly target: number;
  readonly unit: number;
  readonly pci: {
    readonly domain: number;
    readonly bus: number;
    readonly slot: number;
    readonly function: number;
  };
  /** As `/dev/vda`. */
  readonly device: string;
}

/** A block device: a disk, a partition, or one made of others. */
export interface BlockDevice {
  /** The kernel's name, such as `vda1`. */
  readonly name: string;
  /** `major:minor`. */
  readonly number: string;
  readonly isPartition: boolean;
  /** Names of the devices that it is a part of or made of. */
  readonly dependencies: readonly string[];
  /** The name of a device-mapper device. */
  readonly alias?: string;
  /** Absent for a device made of others. */
  readonly address?: DiskAddress;
}

/** A file system on block devices, where it is mounted. */
export interface BlockMount {
  readonly mountPoint: string;
  readonly fsType: string;
  /** The name of its device, as in {@link BlockDevice}. */
  readonly device: string;
  /** The disks that the device is on in the end; empty if the guest does not tell. */
  readonly disks: readonly DiskAddress[];
}

/** A route; addresses as text. */
export interface Route {
  readonly interfaceName: string;
  readonly destination: string;
  readonly metric: number;
  readonly version: 4 | 6;
  /** For IPv4. */
  readonly gateway?: string;
  readonly mask?: string;
  readonly flags?: number;
  /** For IPv6. */
  readonly nextHop?: string;
  readonly prefixLength?: number;
}

/**
 * What the guest knows of itself beyond {@link Facts}; all may throw when the signal is aborted. A
 * platform may lack some of it.
 */
export interface Inventory {
  operatingSystem(signal: AbortSignal): Promise<OperatingSystem>;
  timeZone(signal: AbortSignal): Promise<TimeZone>;
  /** Empty where the guest keeps no record of them. */
  sessions(signal: AbortSignal): Promise<readonly Session[]>;
  processors(signal: AbortSignal): Promise<readonly Pluggable[]>;
  memoryBlocks(signal: AbortSignal): Promise<readonly Pluggable[]>;
  /** Bytes; `undefined` if the kernel has none. */
  memoryBlockSize(signal: AbortSignal): Promise<number | undefined>;
  processorTimes(signal: AbortSignal): Promise<readonly ProcessorTimes[]>;
  diskCounters(signal: AbortSignal): Promise<readonly DiskCounters[]>;
  /** By the name of the interface. */
  linkCounters(signal: AbortSignal): Promise<ReadonlyMap<string, LinkCounters>>;
  blockDevices(signal: AbortSignal): Promise<readonly BlockDevice[]>;
  /** In the order of mounting. */
  blockMounts(signal: AbortSignal): Promise<readonly BlockMount[]>;
  routes(signal: AbortSignal): Promise<readonly Route[]>;
}
