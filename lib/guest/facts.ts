/**
 * Facts about the guest: the interface that every platform implements.
 *
 * @module
 */

/** The facts of `get_system_info`; its handler documents units and sources. */
export interface SystemInfo {
  readonly os_type: string;
  readonly os_name: string;
  readonly os_version: string;
  readonly kernel_version: string;
  readonly hostname: string;
  readonly architecture: string;
  readonly cpu_count: number;
  readonly total_memory_kb: number;
  readonly uptime_seconds: number;
  /** KiB; absent on platforms that do not report it. */
  readonly available_memory_kb?: number;
  /** Averages over 1, 5 and 15 minutes; absent on platforms that do not report them. */
  readonly load_average?: readonly number[];
}

/** One network interface. */
export interface NetworkInterface {
  readonly name: string;
  /** Lower case, separated by colons; all zero for an interface without one. */
  readonly mac_address: string;
  /** In CIDR notation. */
  readonly ipv4_addresses: readonly string[];
  readonly ipv6_addresses: readonly string[];
  /** `up`, `down` or another operational state of RFC 2863, as the kernel names it. */
  readonly state: string;
  /** Bytes. */
  readonly mtu: number;
}

/** Usage of one mounted file system; sizes in bytes. */
export interface Filesystem {
  readonly mount_point: string;
  readonly device: string;
  readonly fs_type: string;
  readonly total_bytes: number;
  readonly used_bytes: number;
  /** What an unprivileged user can still write. */
  readonly available_bytes: number;
  /** Computed as df(1) does: used / (used + available), with one decimal. */
  readonly used_percent: number;
}

/** Usage of all file systems that store files. */
export interface FilesystemReport {
  readonly filesystems: readonly Filesystem[];
  /** Mount points of network file systems that did not answer in time. */
  readonly unresponsive: readonly string[];
}

/** The facts that are known without asking the system; `undefined` is what is not. */
export interface KnownFacts {
  info(): SystemInfo | undefined;
  networkInterfaces(): readonly NetworkInterface[] | undefined;
  filesystems(): FilesystemReport | undefined;
}

/** What the methods can ask about the guest. */
export interface Facts {
  /** Absent on platforms that keep no facts. */
  readonly known?: KnownFacts;
  info(signal: AbortSignal): Promise<SystemInfo>;
  networkInterfaces(signal: AbortSignal): Promise<readonly NetworkInterface[]>;
  filesystems(signal: AbortSignal): Promise<FilesystemReport>;
}
