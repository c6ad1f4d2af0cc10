/**
 * Parses the kernel's counters (proc(5)).
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import type {
  DiskMetrics,
  MemoryMetrics,
  MetricsSample,
  Pressure,
  ProcessorSeconds,
  Stall,
} from "../../../guest/metrics.ts";
import { parseDiskCounters, parseLinkCounters } from "../facts/inventory/kernel_tables.ts";

/** The kernel counts in ticks of 10 ms, whatever its own frequency (time(7), USER_HZ). */
const TICKS_PER_SECOND = 100;
/** The kernel's unit in iostats, whatever the device's own sectors. */
const SECTOR_BYTES = 512;
const MS_PER_SECOND = 1000;
const MICROSECONDS_PER_SECOND = 1_000_000;
const BYTES_PER_KB = 1024;

/** Devices that every guest has a dozen of, mostly unused. */
const SPARE_DEVICE_REGEXP = /^(loop|ram|zram|nbd)\d+$/;

/**
 * Parses the files of `mod.ts`, each after a line `==> NAME`.
 *
 * @throws {RpcError} -32000 if one that every kernel has is missing.
 */
export function parseMetrics(text: string, timestampMs: number): MetricsSample {
  const sections = new Map(
    text.split(/^==> /m).slice(1).map((section) => {
      const end = section.indexOf("\n");
      return [section.slice(0, end), section.slice(end + 1)] as const;
    }),
  );
  const need = (name: string): string => {
    const found = sections.get(name) ?? "";
    if (found === "") throw commandFailed(`the guest's ${name} cannot be read`);
    return found;
  };
  const stat = need("/proc/stat");
  const [load1 = NaN, load5 = NaN, load15 = NaN, ...others] = numbersOf(need("/proc/loadavg"));
  const [open = 0, , limit = 0] = numbersOf(sections.get("/proc/sys/fs/file-nr") ?? "");
  const pressure = (name: string) => parsePressure(sections.get(`/proc/pressure/${name}`) ?? "");
  const [cpu, memory, io] = [pressure("cpu"), pressure("memory"), pressure("io")];
  return {
    timestampMs,
    uptimeSeconds: numbersOf(need("/proc/uptime"))[0] ?? NaN,
    bootTime: counter(stat, "btime"),
    loadAverage: [load1, load5, load15],
    processors: parseProcessor(/^cpu +(.*)$/m.exec(stat)?.[1] ?? ""),
    cores: [...stat.matchAll(/^cpu(\d+) (.*)$/gm)].map(([, index, times = ""]) => ({
      index: Number(index),
      ...parseProcessor(times),
    })),
    contextSwitches: counter(stat, "ctxt"),
    memory: parseMemory(need("/proc/meminfo"), sections.get("/proc/vmstat") ?? ""),
    ...(cpu !== undefined && memory !== undefined && io !== undefined
      ? { pressure: { cpu, memory, io } }
      : {}),
    disks: parseDisks(sections.get("/proc/diskstats") ?? ""),
    links: [...parseLinkCounters(sections.get("/proc/net/dev") ?? "")]
      .map(([name, counters]) => ({ name, ...counters })),
    processes: {
      count: numbersOf(need("processes"))[0] ?? 0,
      // The fourth word of loadavg is RUNNING/ALL.
      threads: others[1] ?? 0,
      running: counter(stat, "procs_running"),
      blocked: counter(stat, "procs_blocked"),
      created: counter(stat, "processes"),
    },
    openFiles: { count: open, limit },
  };
}

const numbersOf = (text: string) => text.trim().split(/[\s/]+/).map(Number);

/** The number after a name at the start of a line; 0 if the kernel does not count it. */
const counter = (text: string, name: string): number =>
  Number(new RegExp(`^${name} +(\\d+)`, "m").exec(text)?.[1] ?? 0);

/** Ten numbers; old kernels have fewer. */
function parseProcessor(text: string): ProcessorSeconds {
  const seconds = numbersOf(text).map((ticks) => ticks / TICKS_PER_SECOND);
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0] = seconds;
  const [steal = 0, guest = 0, guestNice = 0] = seconds.slice(7);
  return { user, nice, system, idle, iowait, irq, softirq, steal, guest, guestNice };
}

function parseMemory(meminfo: string, vmstat: string): MemoryMetrics {
  const bytes = (name: string) => counter(meminfo, `${name}:`) * BYTES_PER_KB;
  const kills = /^oom_kill (\d+)$/m.exec(vmstat)?.[1];
  return {
    totalBytes: bytes("MemTotal"),
    freeBytes: bytes("MemFree"),
    availableBytes: bytes("MemAvailable"),
    buffersBytes: bytes("Buffers"),
    cachedBytes: bytes("Cached"),
    reclaimableBytes: bytes("SReclaimable"),
    sharedBytes: bytes("Shmem"),
    dirtyBytes: bytes("Dirty"),
    swapTotalBytes: bytes("SwapTotal"),
    swapFreeBytes: bytes("SwapFree"),
    pageFaults: counter(vmstat, "pgfault"),
    majorPageFaults: counter(vmstat, "pgmajfault"),
    swappedInPages: counter(vmstat, "pswpin"),
    swappedOutPages: counter(vmstat, "pswpout"),
    ...(kills === undefined ? {} : { outOfMemoryKills: Number(kills) }),
  };
}

/** `undefined` if the kernel does not measure pressure. */
function parsePressure(text: string): Pressure | undefined {
  const stalls = new Map<string, Stall>();
  for (
    const [, kind = "", ...values] of text.matchAll(
      /^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)$/gm,
    )
  ) {
    const [of10 = 0, of60 = 0, of300 = 0, total = 0] = values.map(Number);
    stalls.set(kind, {
      percent: [of10, of60, of300],
      seconds: total / MICROSECONDS_PER_SECOND,
    });
  }
  if (stalls.size === 0) return undefined;
  const [some, full] = [stalls.get("some"), stalls.get("full")];
  return { ...(some && { some }), ...(full && { full }) };
}

function parseDisks(text: string): DiskMetrics[] {
  return parseDiskCounters(text).flatMap(({ name, values }) => {
    const [reads = 0, , readSectors = 0, readMs = 0, writes = 0, , writtenSectors = 0] = values;
    const [writeMs = 0, inFlight = 0, busyMs = 0] = values.slice(7);
    if (reads === 0 && writes === 0 && SPARE_DEVICE_REGEXP.test(name)) return [];
    return [{
      name,
      reads,
      readBytes: readSectors * SECTOR_BYTES,
      readSeconds: readMs / MS_PER_SECOND,
      writes,
      writtenBytes: writtenSectors * SECTOR_BYTES,
      writeSeconds: writeMs / MS_PER_SECOND,
      inFlight,
      busySeconds: busyMs / MS_PER_SECOND,
    }];
  });
}
