/**
 * The network interfaces of a Linux guest, with or without addresses.
 *
 * IP addresses come from getifaddrs(3) through Deno, which lists only interfaces that have some. The
 * list of interfaces, their state, MTU and hardware address come from /sys/class/net.
 *
 * @module
 */

import type { NetworkInterface } from "../../../guest/facts.ts";
import type { Sysfs } from "./sysfs.ts";

const IFF_UP = 0x1;
const NO_ADDRESS = "00:00:00:00:00:00";

type Link = Pick<NetworkInterface, "name" | "state" | "mtu" | "mac_address">;

/** Parses one interface per line, as {@link Sysfs.links} tells them. */
export function parseLinks(text: string): Link[] {
  const links: Link[] = [];
  for (const line of text.split("\n")) {
    const match = /^(\S+) (\d+) (?:0x([0-9a-f]+)|-) (\S+) (.+)$/.exec(line);
    if (match === null) continue;
    const [, operstate = "", mtu = "", flags = "", address = "", name = ""] = match;
    const isUp = (Number.parseInt(flags, 16) & IFF_UP) !== 0;
    // Loopback, tunnels and some drivers never report a state; they only have the flag.
    const state = operstate === "unknown" ? (isUp ? "up" : "down") : operstate;
    const mac_address = address === "-" ? NO_ADDRESS : address;
    links.push({ name, mac_address, state, mtu: Number(mtu) });
  }
  return links;
}

/**
 * Combines the facts about each interface. The label of an IPv4 alias (`eth0:1`) belongs to `eth0`.
 */
export function interfacesOf(
  links: readonly Link[],
  addresses: readonly Deno.NetworkInterfaceInfo[],
): NetworkInterface[] {
  const byName = new Map(links.map((link) => [link.name, {
    name: link.name,
    mac_address: link.mac_address,
    ipv4_addresses: new Array<string>(),
    ipv6_addresses: new Array<string>(),
    state: link.state,
    mtu: link.mtu,
  }]));
  for (const { name, family, cidr } of addresses) {
    const known = byName.get(baseName(name));
    (family === "IPv4" ? known?.ipv4_addresses : known?.ipv6_addresses)?.push(cidr);
  }
  return [...byName.values()];
}

const baseName = (label: string) => label.split(":", 1)[0] ?? label;

/** All interfaces of the guest, sorted by name. */
export async function readInterfaces(
  sysfs: Pick<Sysfs, "links">,
  signal: AbortSignal,
): Promise<NetworkInterface[]> {
  const [text, addresses] = await Promise.all([
    sysfs.links(signal),
    // Done while the shell reads.
    Promise.try(() => Deno.networkInterfaces()),
  ]);
  return interfacesOf(parseLinks(text), addresses);
}
