/**
 * The commands that ask about the guest.
 *
 * @module
 */

import { commandFailed } from "../../lib/base/errors.ts";
import type { Context, Method } from "../../lib/core/method.ts";
import type { BlockDevice, DiskAddress, LinkCounters, Session } from "../../lib/guest/inventory.ts";
import { NoArguments, qgaCommand } from "./_command.ts";
import { inventoryOf } from "./_inventory.ts";

const NS_PER_MS = 1_000_000n;

/** A command without arguments that changes nothing and tells nothing secret. */
const shared = { params: NoArguments, access: "see", audited: false } as const;

const fact = (name: string, summary: string, run: (context: Context) => unknown): Method =>
  qgaCommand({ ...shared, name, summary, run: (_, context) => run(context) });

/** A fact of the inventory, which not every platform has: off there, so that clients skip it. */
const inventoryFact = (
  name: string,
  summary: string,
  run: (context: Context) => unknown,
): Method =>
  qgaCommand({
    ...shared,
    name,
    summary,
    disabled: ({ guest }) =>
      guest.inventory === undefined ? `not supported on ${guest.platform}` : undefined,
    run: (_, context) => run(context),
  });

/** Members of os-release(5) by the name that the command gives them. */
const OS_FIELDS = [
  ["id", "ID"],
  ["name", "NAME"],
  ["pretty-name", "PRETTY_NAME"],
  ["version", "VERSION"],
  ["version-id", "VERSION_ID"],
  ["variant", "VARIANT"],
  ["variant-id", "VARIANT_ID"],
] as const;

/** The counters of a disk, in the order of the kernel's iostats. */
const DISK_COUNTERS = [
  "read-ios",
  "read-merges",
  "read-sectors",
  "read-ticks",
  "write-ios",
  "write-merges",
  "write-sectors",
  "write-ticks",
  "ios-pgr",
  "total-ticks",
  "weight-ticks",
  "discard-ios",
  "discard-merges",
  "discard-sectors",
  "discard-ticks",
  "flush-ios",
  "flush-ticks",
] as const;

/** The commands. */
export const FACTS_COMMANDS: readonly Method[] = [
  fact(
    "guest-get-time",
    "Nanoseconds since 1970-01-01 UTC",
    () => JSON.rawJSON(String(BigInt(Date.now()) * NS_PER_MS)),
  ),
  fact("guest-get-host-name", "The host name", async ({ guest, signal }) => ({
    "host-name": (await guest.facts.info(signal)).hostname,
  })),
  inventoryFact("guest-get-osinfo", "The operating system", async ({ guest, signal }) => {
    const { osRelease, ...kernel } = await inventoryOf(guest).operatingSystem(signal);
    const known = OS_FIELDS.flatMap(([name, field]) => {
      const value = osRelease.get(field);
      return value === undefined ? [] : [[name, value] as const];
    });
    return {
      ...Object.fromEntries(known),
      "kernel-release": kernel.kernelRelease,
      "kernel-version": kernel.kernelVersion,
      machine: kernel.machine,
    };
  }),
  inventoryFact("guest-get-timezone", "The time zone", async ({ guest, signal }) => {
    const { offsetSeconds, name } = await inventoryOf(guest).timeZone(signal);
    return { offset: offsetSeconds, ...(name === "" ? {} : { zone: name }) };
  }),
  inventoryFact(
    "guest-get-users",
    "Users who are logged in, with their earliest login",
    async ({ guest, signal }) => earliestLogins(await inventoryOf(guest).sessions(signal)),
  ),
  fact("guest-network-get-interfaces", "The network interfaces", networkInterfaces),
  inventoryFact("guest-get-fsinfo", "The mounted file systems on disks", filesystems),
  inventoryFact("guest-get-disks", "Disks and partitions", async ({ guest, signal }) => {
    const devices = await inventoryOf(guest).blockDevices(signal);
    return devices.map(({ name, isPartition, dependencies, alias, address }) => ({
      name: `/dev/${name}`,
      partition: isPartition,
      dependencies: dependencies.map((dependency) => `/dev/${dependency}`),
      ...(alias === undefined ? {} : { alias }),
      ...(address === undefined || isPartition ? {} : { address: addressOf(address) }),
    }));
  }),
  inventoryFact("guest-get-diskstats", "Counters of the disks", async ({ guest, signal }) => {
    const disks = await inventoryOf(guest).diskCounters(signal);
    return disks.map(({ name, major, minor, values }) => ({
      name,
      major,
      minor,
      stats: Object.fromEntries(
        DISK_COUNTERS.slice(0, values.length).map((counter, index) => [counter, values[index]]),
      ),
    }));
  }),
  inventoryFact("guest-get-cpustats", "Times of the processors", async ({ guest, signal }) => {
    const processors = await inventoryOf(guest).processorTimes(signal);
    return processors.map(({ index, milliseconds }) => ({
      type: "linux",
      cpu: index,
      ...milliseconds,
    }));
  }),
  fact("guest-get-load", "The load averages", async ({ guest, signal }) => {
    const { load_average } = await guest.facts.info(signal);
    const [load1m, load5m, load15m] = load_average ?? [];
    if (load15m === undefined) throw commandFailed("this guest does not tell its load");
    return { load1m, load5m, load15m };
  }),
  inventoryFact("guest-get-vcpus", "The processors", async ({ guest, signal }) => {
    const processors = await inventoryOf(guest).processors(signal);
    return processors.map(({ index, isOnline, canOffline }) => ({
      "logical-id": index,
      online: isOnline,
      "can-offline": canOffline,
    }));
  }),
  inventoryFact("guest-get-memory-blocks", "The blocks of memory", async ({ guest, signal }) => {
    const blocks = await inventoryOf(guest).memoryBlocks(signal);
    return blocks.map(({ index, isOnline, canOffline }) => ({
      "phys-index": index,
      online: isOnline,
      "can-offline": canOffline,
    }));
  }),
  inventoryFact("guest-get-memory-block-info", "The size of a block", async ({ guest, signal }) => {
    const size = await inventoryOf(guest).memoryBlockSize(signal);
    if (size === undefined) throw commandFailed("this guest's memory has no blocks");
    return { size };
  }),
  inventoryFact("guest-network-get-route", "The routes", async ({ guest, signal }) => {
    const routes = await inventoryOf(guest).routes(signal);
    return routes.map((route) => ({
      iface: route.interfaceName,
      destination: route.destination,
      metric: route.metric,
      version: route.version,
      ...(route.version === 4
        ? { gateway: route.gateway, mask: route.mask, flags: route.flags }
        : { nexthop: route.nextHop, desprefixlen: String(route.prefixLength) }),
    }));
  }),
];

function earliestLogins(sessions: readonly Session[]) {
  const earliest = new Map<string, number>();
  for (const { user, loginTime } of sessions) {
    earliest.set(user, Math.min(loginTime, earliest.get(user) ?? Infinity));
  }
  return [...earliest].map(([user, time]) => ({ user, "login-time": time }));
}

async function networkInterfaces({ guest, signal }: Context) {
  const [links, counters] = await Promise.all([
    guest.facts.networkInterfaces(signal),
    guest.inventory?.linkCounters(signal),
  ]);
  return links.map(({ name, mac_address, ipv4_addresses, ipv6_addresses }) => {
    const addresses = [
      ...ipv4_addresses.map((cidr) => ipAddress(cidr, "ipv4")),
      ...ipv6_addresses.map((cidr) => ipAddress(cidr, "ipv6")),
    ];
    const counted = counters?.get(name);
    return {
      name,
      "hardware-address": mac_address,
      ...(addresses.length === 0 ? {} : { "ip-addresses": addresses }),
      ...(addresses.length === 0 || counted === undefined
        ? {}
        : { statistics: statistics(counted) }),
    };
  });
}

function ipAddress(cidr: string, type: "ipv4" | "ipv6") {
  const [address, prefix] = cidr.split("/");
  return { "ip-address": address, "ip-address-type": type, prefix: Number(prefix) };
}

const statistics = (counters: LinkCounters) => ({
  "rx-bytes": counters.receivedBytes,
  "rx-packets": counters.receivedPackets,
  "rx-errs": counters.receiveErrors,
  "rx-dropped": counters.receiveDrops,
  "tx-bytes": counters.sentBytes,
  "tx-packets": counters.sentPackets,
  "tx-errs": counters.sendErrors,
  "tx-dropped": counters.sendDrops,
});

/** The root last, as qemu-ga has it. */
async function filesystems({ guest, signal }: Context) {
  const [mounts, devices, usage] = await Promise.all([
    inventoryOf(guest).blockMounts(signal),
    inventoryOf(guest).blockDevices(signal),
    guest.facts.filesystems(signal),
  ]);
  const usageOf = new Map(usage.filesystems.map((one) => [one.mount_point, one]));
  const deviceOf = new Map(devices.map((device) => [device.name, device]));
  return mounts.toReversed().map(({ mountPoint, fsType, device }) => {
    const used = usageOf.get(mountPoint);
    return {
      name: device,
      mountpoint: mountPoint,
      type: fsType,
      ...(used === undefined ? {} : {
        "used-bytes": used.used_bytes,
        "total-bytes": used.used_bytes + used.available_bytes,
        "total-bytes-privileged": used.total_bytes,
      }),
      disk: disksBelow(device, deviceOf).map(addressOf),
    };
  });
}

/** The disks that a device is on, in the end. */
function disksBelow(name: string, deviceOf: ReadonlyMap<string, BlockDevice>): DiskAddress[] {
  const found = new Map<string, DiskAddress>();
  const visit = (device: string) => {
    const { address, dependencies = [] } = deviceOf.get(device) ?? {};
    if (address !== undefined) found.set(device, address);
    else for (const dependency of dependencies) visit(dependency);
  };
  visit(name);
  return [...found.values()];
}

const addressOf = ({ busType, bus, target, unit, pci, device }: DiskAddress) => ({
  "bus-type": busType,
  bus,
  target,
  unit,
  "pci-controller": pci,
  dev: device,
});
