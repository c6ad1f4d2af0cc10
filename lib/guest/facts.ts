/**
 * Facts about the guest: the interface that every platform fills in.
 *
 * @module
 */

/** Facts of `get_system_info`; see the handler for units and sources. */
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
  /** KiB; absent where the platform does not tell, as the load. */
  readonly available_memory_kb?: number;
  /** Over 1, 5 and 15 minutes. */
  readonly load_average?: readonly number[];
}

/** One network interface. */
export interface NetworkInterface {
  readonly name: string;
  /** Lower-case, colons between; all zero where there is none. */
  readonly mac_address: string;
  /** In CIDR form. */
  readonly ipv4_addresses: readonly string[];
  readonly ipv6_addresses: readonly string[];
  /** `up`, `down`, or what else the kernel calls it (RFC 2863 operational state). */
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
  /** What an ordinary user can still write. */
  readonly available_bytes: number;
  /** As df(1) computes it: used / (used + available), one decimal. */
  readonly used_percent: number;
}

/** Usage of all file systems that hold files. */
export interface FilesystemReport {
  readonly filesystems: readonly Filesystem[];
  /** Mount points of network file systems that did not answer in time. */
  readonly unresponsive: readonly string[];
}

/** What the methods ask about the guest. */
export interface Facts {
  info(signal: AbortSignal): Promise<SystemInfo>;
  networkInterfaces(signal: AbortSignal): Promise<readonly NetworkInterface[]>;
  filesystems(signal: AbortSignal): Promise<FilesystemReport>;
}
