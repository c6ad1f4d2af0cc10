import { assertEquals } from "@std/assert";
import {
  parseDiskCounters,
  parseLinkCounters,
  parsePluggables,
  parseProcessorTimes,
  parseRoutes4,
  parseRoutes6,
} from "../../../../../../lib/platform/linux/facts/inventory/kernel_tables.ts";

Deno.test("processors and blocks of memory are sorted by number", () => {
  assertEquals(parsePluggables("10 1 1\n2 0 1\n0 1 0\n"), [
    { index: 0, isOnline: true, canOffline: false },
    { index: 2, isOnline: false, canOffline: true },
    { index: 10, isOnline: true, canOffline: true },
  ]);
});

Deno.test("times of processors are in milliseconds; an old kernel has fewer", () => {
  const text = "cpu  9 9 9 9\ncpu0 1 2 3 4\ncpu1 1 2 3 4 5 6 7 8 9 10\nintr 5\n";
  const [first, second] = parseProcessorTimes(text);
  assertEquals(first, {
    index: 0,
    milliseconds: { user: 10, nice: 20, system: 30, idle: 40 },
  });
  assertEquals(second?.milliseconds.guestnice, 100);
});

Deno.test("counters of disks are as many as the kernel has", () => {
  assertEquals(parseDiskCounters("   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n"), [
    { name: "sda", major: 8, minor: 0, values: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] },
  ]);
});

Deno.test("counters of links are read behind the name, which may have a colon", () => {
  const text = "Inter-|   Receive\n face |bytes packets\n" +
    "  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\nlo:1:9 0 0 0 0 0 0 0 7 0 0 0 0 0 0 0\n";
  const links = parseLinkCounters(text);
  assertEquals([...links.keys()], ["eth0", "lo:1"]);
  assertEquals(links.get("eth0"), {
    receivedBytes: 1,
    receivedPackets: 2,
    receiveErrors: 3,
    receiveDrops: 4,
    sentBytes: 9,
    sentPackets: 10,
    sendErrors: 11,
    sendDrops: 12,
  });
});

Deno.test("a route of IPv4", () => {
  const text = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n" +
    "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
  assertEquals(parseRoutes4(text), [{
    interfaceName: "eth0",
    version: 4,
    destination: "0.0.0.0",
    gateway: "192.0.2.1",
    mask: "0.0.0.0",
    metric: 100,
    flags: 3,
  }]);
});

for (
  const [hex, text] of [
    ["fd000000000000000000000000000000", "fd00::"],
    ["00000000000000000000000000000001", "::1"],
    ["00000000000000000000000000000000", "::"],
    ["20010db8000000010000000000000001", "2001:db8:0:1::1"],
    ["20010db8000100020003000400050000", "2001:db8:1:2:3:4:5:0"],
  ] as const
) {
  Deno.test(`a route of IPv6 to ${text}`, () => {
    const line = `${hex} 40 ${"0".repeat(32)} 00 ${"0".repeat(32)} 00000100 1 0 00000001 eth0\n`;
    assertEquals(parseRoutes6(line), [{
      interfaceName: "eth0",
      version: 6,
      destination: text,
      prefixLength: 64,
      nextHop: "::",
      metric: 256,
      flags: 1,
    }]);
  });
}
