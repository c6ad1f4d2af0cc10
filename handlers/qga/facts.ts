/**
 * The commands that ask about the guest, besides those about its disks.
 *
 * @module
 */

import { commandFailed } from "../../lib/base/errors.ts";
import type { Context, Method } from "../../lib/core/method.ts";
import type { LinkCounters, Session } from "../../lib/guest/inventory.ts";
import { fact, inventoryFact } from "./_fact.ts";

const NS_PER_MS = 1_000_000n;

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

/** The commands. */
export const factsCommands = (): readonly Method[] => [
  fact(
    "guest-get-time",
    "Nanoseconds since 1970-01-01 UTC",
    () => JSON.rawJSON(String(BigInt(Date.now()) * NS_PER_MS)),
  ),
  fact("guest-get-host-name", "The host name", async ({ guest, signal }) => ({
    "host-name": (await guest.facts.info(signal)).hostname,
  })),
  inventoryFact(
    "guest-get-osinfo",
    "The operating system",
    (known) => known.operatingSystem,
    ({ osRelease, ...kernel }) => {
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
    },
  ),
  inventoryFact(
    "guest-get-timezone",
    "The time zone",
    (known) => known.timeZone,
    ({ offsetSeconds, name }) => ({
      offset: offsetSeconds,
      ...(name === "" ? {} : { zone: name }),
    }),
  ),
  inventoryFact(
    "guest-get-users",
    "Users who are logged in, with their earliest login",
    (known) => known.sessions,
    earliestLogins,
  ),
  fact("guest-network-get-interfaces", "The network interfaces", networkInterfaces),
  inventoryFact(
    "guest-get-cpustats",
    "Times of the processors",
    (known) => known.processorTimes,
    (processors) =>
      processors.map(({ index, milliseconds }) => ({
        type: "linux",
        cpu: index,
        ...milliseconds,
      })),
  ),
  fact("guest-get-load", "The load averages", async ({ guest, signal }) => {
    const { load_average } = await guest.facts.info(signal);
    const [load1m, load5m, load15m] = load_average ?? [];
    if (load15m === undefined) throw commandFailed("this guest does not tell its load");
    return { load1m, load5m, load15m };
  }),
  inventoryFact(
    "guest-get-vcpus",
    "The processors",
    (known) => known.processors,
    (processors) =>
      processors.map(({ index, isOnline, canOffline }) => ({
        "logical-id": index,
        online: isOnline,
        "can-offline": canOffline,
      })),
  ),
  inventoryFact(
    "guest-get-memory-blocks",
    "The blocks of memory",
    (known) => known.memoryBlocks,
    (blocks) =>
      blocks.map(({ index, isOnline, canOffline }) => ({
        "phys-index": index,
        online: isOnline,
        "can-offline": canOffline,
      })),
  ),
  inventoryFact(
    "guest-get-memory-block-info",
    "The size of a block",
    (known) => known.memoryBlockSize,
    (size) => {
      if (size === undefined) throw commandFailed("this guest's memory has no blocks");
      return { size };
    },
  ),
  inventoryFact(
    "guest-network-get-route",
    "The routes",
    (known) => known.routes,
    (routes) =>
      routes.map((route) => ({
        iface: route.interfaceName,
        destination: route.destination,
        metric: route.metric,
        version: route.version,
        ...(route.version === 4
          ? { gateway: route.gateway, mask: route.mask, flags: route.flags }
          : { nexthop: route.nextHop, desprefixlen: String(route.prefixLength) }),
      })),
  ),
];

function earliestLogins(sessions: readonly Session[]) {
  const earliest = new Map<string, Session>();
  for (const session of sessions) {
    const key = `${session.domain ?? ""}\\${session.user}`;
    const other = earliest.get(key);
    if (other === undefined || session.loginTime < other.loginTime) earliest.set(key, session);
  }
  return [...earliest.values()].map(({ user, domain, loginTime }) => ({
    user,
    ...(domain === undefined ? {} : { domain }),
    "login-time": loginTime,
  }));
}

async function networkInterfaces({ guest, signal }: Context) {
  const [links, counters] = await Promise.all([
    guest.facts.networkInterfaces(signal),
    guest.inventory?.linkCounters?.(signal),
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
