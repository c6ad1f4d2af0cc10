import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  interfacesOf,
  parseLinks,
  readInterfaces,
} from "../../../../../lib/platform/linux/facts/network.ts";
import { Sysfs } from "../../../../../lib/platform/linux/facts/sysfs.ts";
import { NEVER } from "../../../_helpers.ts";

for (
  const [what, line, expected] of [
    ["an interface that is up", "up 1500 - 02:00:00:00:00:01 eth0", {
      name: "eth0",
      state: "up",
      mtu: 1500,
    }],
    ["one without a cable", "down 1500 - 02:00:00:00:00:01 eth1", {
      name: "eth1",
      state: "down",
      mtu: 1500,
    }],
    [
      "loopback, which never reports its state",
      "unknown 65536 0x9 02:00:00:00:00:01 lo",
      { name: "lo", state: "up", mtu: 65536 },
    ],
    [
      "loopback that is not set up",
      "unknown 65536 0x8 02:00:00:00:00:01 lo",
      { name: "lo", state: "down", mtu: 65536 },
    ],
    ["a tunnel", "unknown 1420 0x10090 02:00:00:00:00:01 tun0", {
      name: "tun0",
      state: "down",
      mtu: 1420,
    }],
    [
      "a bridge port whose lower layer is down",
      "lowerlayerdown 1500 - 02:00:00:00:00:01 vlan.100",
      { name: "vlan.100", state: "lowerlayerdown", mtu: 1500 },
    ],
    ["one that waits for its peer", "dormant 9000 - 02:00:00:00:00:01 wlan0", {
      name: "wlan0",
      state: "dormant",
      mtu: 9000,
    }],
    ["a name with odd characters", "up 1500 - 02:00:00:00:00:01 br-12ab@x y", {
      name: "br-12ab@x y",
      state: "up",
      mtu: 1500,
    }],
  ] as const
) {
  Deno.test(`parseLinks() reads ${what}`, () => {
    assertEquals(parseLinks(`${line}\n`), [{ ...expected, mac_address: "02:00:00:00:00:01" }]);
  });
}

Deno.test("parseLinks() keeps the order and leaves out malformed lines", () => {
  const text = "up 1500 - - b\n\ngarbage\nup x 0x1 - c\nup 1500 - d\ndown 1500 0x1002 - a\n";
  assertEquals(parseLinks(text).map(({ name }) => name), ["b", "a"]);
  assertEquals(parseLinks(""), []);
});

Deno.test("parseLinks() reads addresses of Ethernet, of InfiniBand, and none", () => {
  const infiniBand = "80:00:02:08:fe:80:00:00:00:00:00:00:e4:1d:2d:03:00:6f:c4:f1";
  const text = `up 1500 - 52:54:00:12:34:56 eth0\nup 2044 - ${infiniBand} ib0\nup 1500 - - tun0\n`;
  assertEquals(parseLinks(text).map(({ name, mac_address }) => [name, mac_address]), [
    ["eth0", "52:54:00:12:34:56"],
    ["ib0", infiniBand],
    ["tun0", "00:00:00:00:00:00"],
  ]);
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

const NO_MAC = "00:00:00:00:00:00";
const link = (name: string, mac_address = NO_MAC) => ({
  name,
  mac_address,
  state: "up",
  mtu: 1500,
});

Deno.test("interfacesOf() gives each interface its addresses, by family, in CIDR form", () => {
  const interfaces = interfacesOf(
    [link("eth0", "02:00:00:00:00:01"), link("eth1"), link("eth10")],
    [
      address("eth0", "IPv4", "192.168.122.10/24"),
      address("eth0", "IPv6", "fe80::5054:ff:fe12:3456/64"),
      address("eth10", "IPv4", "10.0.0.1/8"),
      address("eth0", "IPv4", "192.168.122.11/24"),
      address("eth0", "IPv6", "2001:db8::1/128"),
      address("gone0", "IPv4", "10.0.0.9/8"),
    ],
  );
  const rest = { state: "up", mtu: 1500 };
  assertEquals(interfaces, [
    {
      name: "eth0",
      mac_address: "02:00:00:00:00:01",
      ipv4_addresses: ["192.168.122.10/24", "192.168.122.11/24"],
      ipv6_addresses: ["fe80::5054:ff:fe12:3456/64", "2001:db8::1/128"],
      ...rest,
    },
    { name: "eth1", mac_address: NO_MAC, ipv4_addresses: [], ipv6_addresses: [], ...rest },
    {
      name: "eth10",
      mac_address: NO_MAC,
      ipv4_addresses: ["10.0.0.1/8"],
      ipv6_addresses: [],
      ...rest,
    },
  ]);
});

Deno.test("interfacesOf() gives an alias's address to the interface it labels", () => {
  const [eth0, eth] = interfacesOf([link("eth0"), link("eth")], [
    address("eth0:1", "IPv4", "10.0.0.2/24"),
    address("eth0:backup", "IPv4", "10.0.0.3/24"),
  ]);
  assertEquals(eth0?.ipv4_addresses, ["10.0.0.2/24", "10.0.0.3/24"]);
  assertEquals(eth?.ipv4_addresses, []);
});

Deno.test("readInterfaces() lists the kernel's interfaces, including loopback", async () => {
  await using sysfs = new Sysfs();
  const interfaces = await readInterfaces(sysfs, NEVER);
  const names: string[] = [];
  for await (const { name } of Deno.readDir("/sys/class/net")) names.push(name);
  // bonding_masters is a file of the bonding driver.
  assertEquals(
    interfaces.map(({ name }) => name),
    names.filter((name) => name !== "bonding_masters").sort(),
  );
  for (const { name, mac_address, state, mtu, ipv4_addresses, ipv6_addresses } of interfaces) {
    const file = await Deno.readTextFile(`/sys/class/net/${name}/address`);
    assertEquals(mac_address, file.trim() || "00:00:00:00:00:00");
    assert(state !== "" && state !== "unknown", state);
    assert(Number.isInteger(mtu) && mtu > 0, `${mtu}`);
    for (const cidr of [...ipv4_addresses, ...ipv6_addresses]) assert(cidr.includes("/"), cidr);
  }
  assertEquals(interfaces.find(({ name }) => name === "lo")?.ipv4_addresses, ["127.0.0.1/8"]);
});

Deno.test("readInterfaces() ends with the signal's reason", async () => {
  await using sysfs = new Sysfs();
  const reason = new Error("stopped");
  const asking = readInterfaces(sysfs, AbortSignal.abort(reason));
  assertEquals(await asking.then(() => null, (error) => error), reason);
});

Deno.test("readInterfaces() fails once if neither the runtime nor the shell can read anything", async () => {
  const { networkInterfaces } = Deno;
  Object.assign(Deno, {
    networkInterfaces: () => {
      throw new Error("Too many open files");
    },
  });
  try {
    const sysfs = {
      links: () => Promise.reject(new Error("Failed to spawn")),
    };
    const reading = readInterfaces(sysfs, NEVER);
    // The runner fails a test that leaves a rejection unhandled.
    await assertRejects(() => reading, Error);
  } finally {
    Object.assign(Deno, { networkInterfaces });
  }
});
