/**
 * Measures a Linux guest with one process.
 *
 * @module
 */

import { countStringified } from "../../../base/memory/garbage.ts";
import type { Metrics, MetricsSample } from "../../../guest/metrics.ts";
import { runScript } from "../shell.ts";
import { parseMetrics } from "./parse.ts";

const TIMEOUT_MS = 10_000;

const FILES = [
  "/proc/uptime",
  "/proc/loadavg",
  "/proc/stat",
  "/proc/meminfo",
  "/proc/vmstat",
  "/proc/pressure/cpu",
  "/proc/pressure/memory",
  "/proc/pressure/io",
  "/proc/diskstats",
  "/proc/net/dev",
  "/proc/sys/fs/file-nr",
] as const;

/**
 * Prints the files, each after a line with its name, and the number of processes. What nobody needs
 * is left out here: the counters of interrupts are the longest lines, and /proc/vmstat has two
 * hundred. The shell becomes awk(1), so this is one process.
 */
const SCRIPT = `
set -- /proc/[0-9]*
exec awk -v processes="$#" '
BEGIN {
  print "==> processes"
  print processes
  count = split("${FILES.join(" ")}", files, " ")
  for (i = 1; i <= count; i++) {
    print "==> " files[i]
    while ((getline line < files[i]) > 0) {
      if (line ~ /^(intr|softirq) /) continue
      if (files[i] == "/proc/vmstat" && line !~ /^(pswpin|pswpout|pgfault|pgmajfault|oom_kill) /) continue
      print line
    }
  }
}' < /dev/null
`;

/** Reads the kernel's counters. */
export class LinuxMetrics implements Metrics {
  async sample(signal: AbortSignal): Promise<MetricsSample> {
    const text = await runScript({ code: SCRIPT, timeoutMs: TIMEOUT_MS, signal });
    countStringified(text.length);
    return parseMetrics(text, Date.now());
  }
}
