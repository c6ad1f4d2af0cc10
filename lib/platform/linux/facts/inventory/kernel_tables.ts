/**
 * Parsers of the tables in /proc and of what small scripts print about /sys.
 *
 * @module
 */

import type {
  DiskCounters,
  LinkCounters,
  Pluggable,
  ProcessorTimes,
  Route,
} from "../../../../guest/inventory.ts";

/** The kernel counts in ticks of 10 ms, whatever its own frequency (time(7), USER_HZ). */
const MS_PER_TICK = 10;

const PROCESSOR_FIELDS = [
  "user",
  "nice",
  "system",
  "idle",
  "iowait",
  "irq",
  "softirq",
  "steal",
  "guest",
  "guestnice",
] as const;

const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");

const fieldsOf = (line: string) => line.trim().split(/\s+/);

/** Parses lines `INDEX ONLINE CAN_OFFLINE`, with 1 for yes. */
export function parsePluggables(text: string): Pluggable[] {
  return linesOf(text).map(fieldsOf).map(([index, online, canOffline]) => ({
    index: Number(index),
    isOnline: online === "1",
    canOffline: canOffline === "1",
  })).sort((a, b) => a.index - b.index);
}

/** Parses /proc/stat. */
export function parseProcessorTimes(text: string): ProcessorTimes[] {
  const times: ProcessorTimes[] = [];
  for (const line of linesOf(text)) {
    const index = /^cpu(\d+) /.exec(line)?.[1];
    if (index === undefined) continue;
    const values = fieldsOf(line).slice(1);
    const milliseconds = Object.fromEntries(
      PROCESSOR_FIELDS.slice(0, values.length).map((name, at) =>
        [name, Number(values[at]) * MS_PER_TICK] as const
      ),
    );
    times.push({ index: Number(index), milliseconds });
  }
  return times;
}

/** Parses /proc/diskstats. */
export function parseDiskCounters(text: string): DiskCounters[] {
  return linesOf(text).map(fieldsOf).map(([major, minor, name = "", ...values]) => ({
    name,
    major: Number(major),
    minor: Number(minor),
    values: values.map(Number),
  }));
}

/** Parses /proc/net/dev. */
export function parseLinkCounters(text: string): Map<string, LinkCounters> {
  const links = new Map<string, LinkCounters>();
  for (const line of linesOf(text)) {
    // A name may have a colon, as an alias does: the numbers begin behind the last one.
    const end = line.lastIndexOf(":");
    const values = fieldsOf(line.slice(end + 1)).map(Number);
    if (end < 0 || values.length < 16 || values.some(Number.isNaN)) continue;
    const [receivedBytes = 0, receivedPackets = 0, receiveErrors = 0, receiveDrops = 0] = values;
    const [sentBytes = 0, sentPackets = 0, sendErrors = 0, sendDrops = 0] = values.slice(8);
    links.set(line.slice(0, end).trim(), {
      receivedBytes,
      receivedPackets,
      receiveErrors,
      receiveDrops,
      sentBytes,
      sentPackets,
      sendErrors,
      sendDrops,
    });
  }
  return links;
}

/** An IPv4 address as the kernel prints it: four bytes in the machine's order, as one number. */
const ipv4 = (hex = "") =>
  (hex.match(/../g) ?? []).reverse().map((byte) => parseInt(byte, 16)).join(".");

const ipv6 = (hex = "") =>
  compressed((hex.match(/..../g) ?? []).map((group) => parseInt(group, 16)));

/** An IPv6 address in its short form (RFC 5952): the longest run of zeros is left out. */
function compressed(groups: readonly number[]): string {
  let [start, length] = [0, 1];
  for (let from = 0; from < groups.length; from++) {
    let end = from;
    while (groups[end] === 0) end += 1;
    if (end - from > length) [start, length] = [from, end - from];
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (length < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** Parses /proc/net/route. */
export function parseRoutes4(text: string): Route[] {
  return linesOf(text).slice(1).map(fieldsOf).map(
    ([interfaceName = "", destination, gateway, flags = "", , , metric, mask]) => ({
      interfaceName,
      version: 4,
      destination: ipv4(destination),
      gateway: ipv4(gateway),
      mask: ipv4(mask),
      metric: Number(metric),
      flags: parseInt(flags, 16),
    }),
  );
}

/** Parses /proc/net/ipv6_route. */
export function parseRoutes6(text: string): Route[] {
  return linesOf(text).map(fieldsOf).map(
    ([destination, prefix = "", , , nextHop, metric = "", , , flags = "", interfaceName = ""]) => ({
      interfaceName,
      version: 6,
      destination: ipv6(destination),
      prefixLength: parseInt(prefix, 16),
      nextHop: ipv6(nextHop),
      metric: parseInt(metric, 16),
      flags: parseInt(flags, 16),
    }),
  );
}
