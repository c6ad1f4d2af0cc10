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
/** How long hardware addresses are kept. */
const ADDRESSES_KEPT_MS = 5000;

type Link = Pick<NetworkInterface, "name" | "state" | "mtu">;

/** Parses one interface per line: operational state, MTU, flags or `-`, name. */
export function parseLinks(text: string): Link[] {
  const links: Link[] = [];
  for (const line of text.split("\n")) {
    const match = /^(\S+) (\d+) (?:0x([0-9a-f]+)|-) (.+)$/.exec(line);
    if (match === null) continue;
    const [, operstate = "", mtu = "", flags = "", name = ""] = match;
    const isUp = (Number.parseInt(flags, 16) & IFF_UP) !== 0;
    // Loopback, tunnels and some drivers never report a state; they only have the flag.
    const state = operstate === "unknown" ? (isUp ? "up" : "down") : operstate;
    links.push({ name, state, mtu: Number(mtu) });
  }
  return links;
}

/** Parses one interface per line: hardware address or `-`, name. Returns addresses by name. */
export function parseHardwareAddresses(text: string): Map<string, string> {
  const addresses = new Map<string, string>();
  for (const [, address = "", name = ""] of text.matchAll(/^(\S+) (.+)$/gm)) {
    addresses.set(name, address === "-" ? NO_ADDRESS : address);
  }
  return addresses;
}

/**
 * Combines the facts about each interface. The label of an IPv4 alias (`eth0:1`) belongs to `eth0`.
 */
export function interfacesOf(
  links: readonly Link[],
  hardwareAddresses: ReadonlyMap<string, string>,
  addresses: readonly Deno.NetworkInterfaceInfo[],
): NetworkInterface[] {
  const byName = new Map(links.map((link) => [link.name, {
    name: link.name,
    mac_address: hardwareAddresses.get(link.name) ?? NO_ADDRESS,
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

/** Reads the network interfaces. */
export class Network {
  #hardwareAddresses: ReadonlyMap<string, string> = new Map();
  #readAt = -Infinity;

  /** @param sysfs Where interfaces are read; the caller disposes of it. */
  constructor(private readonly sysfs: Pick<Sysfs, "links" | "hardwareAddresses">) {}

  /** All interfaces, sorted by name. */
  async interfaces(signal: AbortSignal): Promise<NetworkInterface[]> {
    const [text, addresses] = await Promise.all([
      this.sysfs.links(signal),
      // Done while the shell reads.
      Promise.try(() => Deno.networkInterfaces()),
    ]);
    const links = parseLinks(text);
    if (this.#isOutdated(links, addresses)) {
      this.#readAt = performance.now();
      this.#hardwareAddresses = parseHardwareAddresses(await this.sysfs.hardwareAddresses(signal));
    }
    return interfacesOf(links, this.#hardwareAddresses, addresses);
  }

  /** Whether the hardware addresses must be read again. */
  #isOutdated(links: readonly Link[], addresses: readonly Deno.NetworkInterfaceInfo[]): boolean {
    return performance.now() - this.#readAt > ADDRESSES_KEPT_MS ||
      links.some(({ name }) => !this.#hardwareAddresses.has(name)) ||
      // Deno returns only the first six bytes of an address.
      addresses.some(({ name, mac }) => {
        const known = this.#hardwareAddresses.get(baseName(name));
        return known !== undefined && !known.startsWith(mac);
      });
  }
}
