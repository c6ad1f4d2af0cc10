import { assert, assertEquals, assertMatch } from "@std/assert";
import { driveRoots } from "../../../lib/platform/windows/drives.ts";
import { productName, WindowsFacts } from "../../../lib/platform/windows/facts/mod.ts";
import {
  operatingSystem,
  timeZone,
  WindowsInventory,
} from "../../../lib/platform/windows/facts/inventory.ts";
import { linksIn } from "../../../lib/platform/windows/facts/network.ts";
import { sessionIn } from "../../../lib/platform/windows/facts/sessions.ts";
import { readKey } from "../../../lib/platform/windows/registry/read_key.ts";
import { dataOf } from "../../../lib/platform/windows/registry/values.ts";
import { writeKey } from "../../../lib/platform/windows/registry/write_key.ts";
import { WindowsWatch } from "../../../lib/platform/windows/watch.ts";

const facts = new WindowsFacts();

Deno.test("info() describes the guest", async () => {
  const info = await facts.info();
  assertEquals([info.os_type, info.hostname], ["windows", Deno.hostname()]);
  assertMatch(info.os_name, /^(?:Microsoft )?Windows/);
  assertMatch(info.kernel_version, /^\d+\.\d+\.\d+$/);
  assert(info.cpu_count > 0 && info.total_memory_kb > 0 && (info.available_memory_kb ?? 0) > 0);
});

Deno.test("productName() tells Windows 11 by its build", () => {
  assertEquals(productName("Windows 10 Pro", "10.0.19045"), "Windows 10 Pro");
  assertEquals(productName("Windows 10 Pro", "10.0.22000"), "Windows 11 Pro");
  assertEquals(
    productName("Windows Server 2022 Standard", "10.0.26100"),
    "Windows Server 2022 Standard",
  );
  assertEquals(productName(undefined, "10.0.19045"), "Windows");
});

Deno.test("text of the system that is no Unicode is replaced: a host could not read the answer", async () => {
  const key = String.raw`SOFTWARE\Microsoft\Windows NT\CurrentVersion`;
  const value = readKey(key, 1024)?.find(({ name }) => name === "ProductName");
  const before = value && dataOf(value);
  assert(typeof before === "string");
  writeKey(key, { ProductName: "Windows \ud83d" });
  try {
    assertEquals((await new WindowsFacts().info()).os_name, "Windows \ufffd");
  } finally {
    writeKey(key, { ProductName: before });
  }
});

Deno.test("an adapter's name that is no Unicode is replaced as Deno replaces it", () => {
  const name = Uint16Array.of(0x61, 0xd83d, 0);
  const entry = new DataView(new ArrayBuffer(448));
  entry.setBigUint64(72, Deno.UnsafePointer.value(Deno.UnsafePointer.of(name)), true);
  assertEquals(linksIn(new Uint8Array(entry.buffer)).map((link) => link.name), ["a\ufffd"]);
  assertEquals(name.length, 3);
});

Deno.test("networkInterfaces() has every adapter that has an address, with all its addresses", async () => {
  const adapters = await facts.networkInterfaces();
  for (const { name, cidr } of Deno.networkInterfaces()) {
    const adapter = adapters.find((one) => one.name === name);
    assert(adapter !== undefined, `${name} in ${adapters.map((one) => one.name)}`);
    assert([...adapter.ipv4_addresses, ...adapter.ipv6_addresses].includes(cidr));
    assertMatch(adapter.mac_address, /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
  }
});

Deno.test("filesystems() measures the fixed drives", async () => {
  const { filesystems, unresponsive } = await facts.filesystems();
  assertEquals(unresponsive, []);
  const system = filesystems.find(({ mount_point }) => mount_point === "C:\\");
  assert(system !== undefined);
  assert(system.total_bytes >= system.used_bytes && system.total_bytes > 0);
  assert(system.used_percent >= 0 && system.used_percent <= 100);
});

Deno.test("driveRoots() has the system's drive", () => {
  assert(driveRoots().includes("C:\\"));
});

Deno.test("WindowsWatch sees the addresses", async () => {
  await using watch = new WindowsWatch();
  const { addresses } = await watch.quick();
  assertEquals(
    addresses?.size,
    new Set(Deno.networkInterfaces().map(({ name, cidr }) => name + cidr)).size,
  );
});

const inventory = new WindowsInventory(facts);
const { signal } = new AbortController();

Deno.test("operatingSystem() tells what the QEMU guest agent for Windows tells", async () => {
  const words = (product: string, kernel: string) => {
    const { osRelease, ...kernelOf } = operatingSystem(product, kernel, "x86_64");
    return [...osRelease.values(), ...Object.values(kernelOf)];
  };
  assertEquals(words("Windows Server 2022 Standard", "10.0.20348"), [
    ...["mswindows", "Microsoft Windows", "Windows Server 2022 Standard"],
    ...["Microsoft Windows Server 2022", "2022", "server", "server", "20348", "10.0", "x86_64"],
  ]);
  assertEquals(words("Windows 11 Pro", "10.0.22631").slice(3, 7), [
    ...["Microsoft Windows 11", "11", "client", "client"],
  ]);
  assertEquals(words("Windows", "10.0.1").slice(2, 5), ["Windows", "client", "client"]);
  assertEquals((await inventory.operatingSystem(signal)).osRelease.get("ID"), "mswindows");
});

Deno.test("timeZone() is that of this moment", async () => {
  const zone = new DataView(new ArrayBuffer(172));
  for (const [offset, value] of [[0, -60], [84, 0], [168, -60]] as const) {
    zone.setInt32(offset, value, true);
  }
  for (const [offset, letter] of [[4, "S"], [88, "D"]] as const) {
    zone.setUint16(offset, letter.charCodeAt(0), true);
  }
  const bytes = new Uint8Array(zone.buffer);
  assertEquals(timeZone(bytes, 0), { offsetSeconds: 3600, name: "S" });
  assertEquals(timeZone(bytes, 1), { offsetSeconds: 3600, name: "S" });
  assertEquals(timeZone(bytes, 2), { offsetSeconds: 7200, name: "D" });
  const { offsetSeconds } = await inventory.timeZone();
  assertEquals(offsetSeconds, -60 * new Date().getTimezoneOffset() || 0);
});

Deno.test("sessions() has users with their domains and their logins", async () => {
  const info = new DataView(new ArrayBuffer(216));
  const write = (offset: number, text: string) =>
    [...text].forEach((letter, at) => info.setUint16(offset + 2 * at, letter.charCodeAt(0), true));
  assertEquals(sessionIn(info.buffer), undefined);
  write(96, "WORKGROUP");
  write(130, "alice");
  // 2020-01-01 00:00:00.5 UTC.
  info.setBigInt64(200, 132_223_104_005_000_000n, true);
  assertEquals(sessionIn(info.buffer), {
    user: "alice",
    domain: "WORKGROUP",
    loginTime: 1_577_836_800.5,
  });
  // Wine tells of one session, but not whose it is.
  assertEquals(await inventory.sessions(), []);
});

Deno.test("processors() and blockMounts() have what there is", async () => {
  const processors = await inventory.processors(signal);
  assertEquals(processors.length, navigator.hardwareConcurrency);
  const [system] = (await inventory.blockMounts()).filter(({ mountPoint }) =>
    mountPoint === "C:\\"
  );
  assertMatch(system?.device ?? "", /^\\\\\?\\Volume\{[0-9a-fA-F-]{36}\}\\$/);
});
