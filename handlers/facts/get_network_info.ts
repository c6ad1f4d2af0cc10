import * as z from "zod";
import { method, NoParams } from "../../lib/core/method.ts";

const Interface = () =>
  z.strictObject({
    name: z.string(),
    mac_address: z.string(),
    ipv4_addresses: z.readonly(z.array(z.string())),
    ipv6_addresses: z.readonly(z.array(z.string())),
    state: z.string(),
    mtu: z.int(),
  });

/** `get_network_info` (protocol §4): every interface, with or without an address. */
export const getNetworkInfo = method({
  name: "get_network_info",
  capability: "network_info",
  summary: "Lists the guest's network interfaces with their addresses.",
  notes: [
    "Addresses are in CIDR notation. `state` is the kernel's operational state (RFC 2863): `up`, " +
    "`down`, `dormant`, `lowerlayerdown`, `testing` or `notpresent`; for an interface without " +
    "one, such as `lo`, it is `up` if the interface is enabled. `mtu` is in bytes. The report is at " +
    "most one second old.",
  ],
  params: NoParams,
  result: () => z.strictObject({ interfaces: z.readonly(z.array(Interface())) }),
  access: "see",
  audited: false,
  example: {
    result: {
      interfaces: [{
        name: "eth0",
        mac_address: "52:54:00:12:34:56",
        ipv4_addresses: ["192.168.122.10/24"],
        ipv6_addresses: ["fe80::5054:ff:fe12:3456/64"],
        state: "up",
        mtu: 1500,
      }],
    },
  },
  known: (_params, { guest }) => {
    const interfaces = guest.facts.known?.networkInterfaces();
    return interfaces && { interfaces };
  },
  run: async (_params, { guest, signal }) => ({
    interfaces: await guest.facts.networkInterfaces(signal),
  }),
});
