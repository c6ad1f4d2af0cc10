/**
 * Network interfaces of a Linux guest, addresses or not.
 *
 * Addresses come from getifaddrs(3) through Deno; the kernel's list of interfaces, their state,
 * MTU and hardware address from /sys/class/net, read by the shell's own `read` in one process.
 *
 * @module
 */

import type { NetworkInterface } from "../../../guest/facts.ts";
import { runScript } from "../shell.ts";

const TIMEOUT_MS = 5000;

const LIST_LINKS = `
cd /sys/class/net || exit
for name in *; do
  read -r state < "$name/operstate" && read -r mtu < "$name/mtu" && read -r flags < "$name/flags" ||
    continue
  address=
  read -r address < "$name/address"
  printf '%s %s %s %s %s\\n' "$state" "$mtu" "$flags" "\${address:--}" "$name"
done 2>/dev/null
`;

const IFF_UP = 0x1;
const NO_ADDRESS = "00:00:00:00:00:00";

type Link = Pick<NetworkInterface, "name" | "mac_address" | "state" | "mtu">;

/** Parses one line an interface: operational state, MTU, flags, hardware address, name. */
export function parseLinks(text: string): Link[] {
  const links: Link[] = [];
  for (const line of text.split("\n")) {
    const match = /^(\S+) (\d+) 0x([0-9a-f]+) (\S+) (.+)$/.exec(line);
    if (match === null) continue;
    const [, operstate = "", mtu = "", flags = "", address = "", name = ""] = match;
    const isUp = (Number.parseInt(flags, 16) & IFF_UP) !== 0;
    links.push({
      name,
      mac_address: address === "-" ? NO_ADDRESS : address,
      // Loopback, tunnels and some drivers never report a state: being set up is all there is.
      state: operstate === "unknown" ? (isUp ? "up" : "down") : operstate,
      mtu: Number(mtu),
    });
  }
  return links;
}

/** Gives each interface its addresses; labels of IPv4 aliases (`eth0:1`) belong to `eth0`. */
export function withAddresses(
  links: readonly Link[],
  addresses: readonly Deno.NetworkInterfaceInfo[],
): NetworkInterface[] {
  return links.map(({ name, ...link }) => {
    const of = (family: "IPv4" | "IPv6") =>
      addresses.filter((address) => address.family === family && baseName(address.name) === name)
        .map((address) => address.cidr);
    return { name, ...link, ipv4_addresses: of("IPv4"), ipv6_addresses: of("IPv6") };
  });
}

const baseName = (label: string) => label.replace(/:.*$/, "");

/** All interfaces, in the kernel's alphabetical order. */
export async function readNetworkInterfaces(signal: AbortSignal): Promise<NetworkInterface[]> {
  const text = await runScript({ code: LIST_LINKS, timeoutMs: TIMEOUT_MS, signal });
  return withAddresses(parseLinks(text), Deno.networkInterfaces());
}
