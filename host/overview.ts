/**
 * A VM's most important facts.
 *
 * @module
 */

import type { ResultOf } from "./protocol.ts";

type Interface = ResultOf<"get_network_info">["interfaces"][number];
type Filesystem = ResultOf<"get_disk_usage">["filesystems"][number];

/** Interfaces that software creates within a guest; the guest cannot be reached through them. */
const INSIDE_REGEXP = /^(lo|docker|veth|br-|virbr|cni|flannel|cali|podman|lxc|lxd|tap|vnet)/;

/** Link-local addresses, at which a guest cannot usually be reached. */
const isLinkLocal = (address: string) =>
  address.startsWith("169.254.") || /^fe[89ab]/i.test(address);

/**
 * The address at which a guest can be reached: IPv4 before IPv6, of an interface that is up and leads
 * out of the guest; `undefined` if there is none.
 */
export function mainAddress(interfaces: readonly Interface[]): string | undefined {
  const outer = interfaces.filter(({ name, state }) => !INSIDE_REGEXP.test(name) && state === "up");
  const addresses = [
    ...outer.flatMap(({ ipv4_addresses }) => ipv4_addresses),
    ...outer.flatMap(({ ipv6_addresses }) => ipv6_addresses),
  ];
  return addresses.find((address) => !isLinkLocal(address))?.split("/")[0];
}

/** The file system with the highest use, in percent. */
export function fullestDisk(filesystems: readonly Filesystem[]): Filesystem | undefined {
  return filesystems.reduce<Filesystem | undefined>(
    (fullest, one) =>
      fullest !== undefined && fullest.used_percent >= one.used_percent ? fullest : one,
    undefined,
  );
}

/** The share of a guest's memory in use, in percent; `undefined` if the guest does not report it. */
export function memoryPercent(
  { total_memory_kb, available_memory_kb }: ResultOf<"get_system_info">,
): number | undefined {
  if (available_memory_kb === undefined || total_memory_kb <= 0) return undefined;
  return 100 * (1 - available_memory_kb / total_memory_kb);
}
