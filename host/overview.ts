/**
 * What an operator wants to see of a VM at a glance.
 *
 * @module
 */

import type { ResultOf } from "./protocol.ts";

type Interface = ResultOf<"get_network_info">["interfaces"][number];
type Filesystem = ResultOf<"get_disk_usage">["filesystems"][number];

/** Interfaces that software makes inside a guest, where nobody reaches it. */
const INSIDE_REGEXP = /^(lo|docker|veth|br-|virbr|cni|flannel|cali|podman|lxc|lxd|tap|vnet)/;

/** Addresses that say nothing of where a guest can be reached. */
const isLinkLocal = (address: string) =>
  address.startsWith("169.254.") || /^fe[89ab]/i.test(address);

/**
 * The address that a guest is reached at: IPv4 before IPv6, of an interface that is up and leads out
 * of the guest; `undefined` where there is none.
 */
export function mainAddress(interfaces: readonly Interface[]): string | undefined {
  const outer = interfaces.filter(({ name, state }) => !INSIDE_REGEXP.test(name) && state === "up");
  const addresses = [
    ...outer.flatMap(({ ipv4_addresses }) => ipv4_addresses),
    ...outer.flatMap(({ ipv6_addresses }) => ipv6_addresses),
  ];
  return addresses.find((address) => !isLinkLocal(address))?.split("/")[0];
}

/** The file system with the least room. */
export function fullestDisk(filesystems: readonly Filesystem[]): Filesystem | undefined {
  return filesystems.reduce<Filesystem | undefined>(
    (fullest, one) =>
      fullest !== undefined && fullest.used_percent >= one.used_percent ? fullest : one,
    undefined,
  );
}

/** How much of a guest's memory its programs use, in percent; `undefined` where it does not tell. */
export function memoryPercent(
  { total_memory_kb, available_memory_kb }: ResultOf<"get_system_info">,
): number | undefined {
  if (available_memory_kb === undefined || total_memory_kb <= 0) return undefined;
  return 100 * (1 - available_memory_kb / total_memory_kb);
}
