import { assert, assertEquals } from "@std/assert";
import {
  parseLinks,
  readNetworkInterfaces,
  withAddresses,
} from "../../../../../lib/platform/linux/facts/network.ts";
import { NEVER } from "../../../_helpers.ts";

for (
  const [what, line, expected] of [
    [
      "an interface that is up",
      "up 1500 0x1003 52:54:00:12:34:56 eth0",
      { name: "eth0", mac_address: "52:54:00:12:34:56", state: "up", mtu: 1500 },
    ],
    [
      "one without a cable",
      "down 1500 0x1003 52:54:00:12:34:56 eth1",
      { name: "eth1", mac_address: "52:54:00:12:34:56", state: "down", mtu: 1500 },
    ],
    [
      "loopback, which never tells its state",
      "unknown 65536 0x9 00:00:00:00:00:00 lo",
      { name: "lo", mac_address: "00:00:00:00:00:00", state: "up", mtu: 65536 },
    ],
    [
      "loopback that is not set up",
      "unknown 65536 0x8 00:00:00:00:00:00 lo",
      { name: "lo", mac_address: "00:00:00:00:00:00", state: "down", mtu: 65536 },
    ],
    [
      "a tunnel without a hardware address",
      "unknown 1420 0x10090 - tun0",
      { name: "tun0", mac_address: "00:00:00:00:00:00", state: "down", mtu: 1420 },
    ],
    [
      "a bridge port whose lower layer is down",
      "lowerlayerdown 1500 0x1003 02:42:ac:11:00:02 vlan.100",
      { name: "vlan.100", mac_address: "02:42:ac:11:00:02", state: "lowerlayerdown", mtu: 1500 },
    ],
    [
      "one that waits for its peer",
      "dormant 9000 0x1003 02:42:ac:11:00:02 wlan0",
      { name: "wlan0", mac_address: "02:42:ac:11:00:02", state: "dormant", mtu: 9000 },
    ],
    [
      "InfiniBand, whose addresses are long",
      "up 2044 0x1003 80:00:02:08:fe:80:00:00:00:00:00:00:e4:1d:2d:03:00:6f:c4:f1 ib0",
      {
        name: "ib0",
        mac_address: "80:00:02:08:fe:80:00:00:00:00:00:00:e4:1d:2d:03:00:6f:c4:f1",
        state: "up",
        mtu: 2044,
      },
    ],
    [
      "a name with odd characters",
      "up 1500 0x1003 02:42:ac:11:00:02 br-12ab@x y",
      { name: "br-12ab@x y", mac_address: "02:42:ac:11:00:02", state: "up", mtu: 1500 },
    ],
  ] as const
) {
  Deno.test(`parseLinks() reads ${what}`, () => {
    assertEquals(parseLinks(`${line}\n`), [expected]);
  });
}

Deno.test("parseLinks() keeps the order and leaves out what is no line of its own", () => {
  const text = "up 1500 0x1003 02:00:00:00:00:01 b\n\ngarbage\nup x 0x1 - c\n" +
    "down 1500 0x1002 02:00:00:00:00:02 a\n";
  assertEquals(parseLinks(text).map(({ name }) => name), ["b", "a"]);
  assertEquals(parseLinks(""), []);
});

const address = (
  name: string,
  family: "IPv4" | "IPv6",
  cidr: string,
): Deno.NetworkInterfaceInfo => ({
  name,
  family,
  cidr,
  address: cidr.replace(/\/.*/, ""),
  netmask: "",
  scopeid: family === "IPv6" ? 2 : null,
  mac: "00:00:00:00:00:00",
});

const link = (name: string) => ({
  name,
  mac_address: "02:00:00:00:00:01",
  state: "up",
  mtu: 1500,
});

Deno.test("withAddresses() gives each interface its own, by family, in CIDR form", () => {
  const interfaces = withAddresses([link("eth0"), link("eth1"), link("eth10")], [
    address("eth0", "IPv4", "192.168.122.10/24"),
    address("eth0", "IPv6", "fe80::5054:ff:fe12:3456/64"),
    address("eth10", "IPv4", "10.0.0.1/8"),
    address("eth0", "IPv4", "192.168.122.11/24"),
    address("eth0", "IPv6", "2001:db8::1/128"),
  ]);
  assertEquals(
    interfaces.map(({ name, ipv4_addresses, ipv6_addresses }) => [
      name,
      ipv4_addresses,
      ipv6_addresses,
    ]),
    [
      [
        "eth0",
        ["192.168.122.10/24", "192.168.122.11/24"],
        ["fe80::5054:ff:fe12:3456/64", "2001:db8::1/128"],
      ],
      ["eth1", [], []],
      ["eth10", ["10.0.0.1/8"], []],
    ],
  );
});

Deno.test("withAddresses() gives an alias's address to the interface it labels", () => {
  const [eth0, eth] = withAddresses([link("eth0"), link("eth")], [
    address("eth0:1", "IPv4", "10.0.0.2/24"),
    address("eth0:backup", "IPv4", "10.0.0.3/24"),
  ]);
  assertEquals(eth0?.ipv4_addresses, ["10.0.0.2/24", "10.0.0.3/24"]);
  assertEquals(eth?.ipv4_addresses, []);
});

Deno.test("readNetworkInterfaces() finds what the kernel lists, loopback too", async () => {
  const interfaces = await readNetworkInterfaces(NEVER);
  const names: string[] = [];
  for await (const { name } of Deno.readDir("/sys/class/net")) names.push(name);
  // A file among them is the bonding driver's.
  assertEquals(
    interfaces.map(({ name }) => name),
    names.filter((name) => name !== "bonding_masters").sort(),
  );
  for (const { mac_address, state, mtu, ipv4_addresses, ipv6_addresses } of interfaces) {
    assert(/^[0-9a-f]{2}(:[0-9a-f]{2})*$/.test(mac_address), mac_address);
    assert(state !== "" && state !== "unknown", state);
    assert(Number.isInteger(mtu) && mtu > 0, `${mtu}`);
    for (const cidr of [...ipv4_addresses, ...ipv6_addresses]) assert(cidr.includes("/"), cidr);
  }
  assertEquals(interfaces.find(({ name }) => name === "lo")?.ipv4_addresses, ["127.0.0.1/8"]);
});

Deno.test("readNetworkInterfaces() ends with the signal's reason", async () => {
  const reason = new Error("stopped");
  const thrown = await readNetworkInterfaces(AbortSignal.abort(reason)).then(() => null, (e) => e);
  assertEquals(thrown, reason);
});
