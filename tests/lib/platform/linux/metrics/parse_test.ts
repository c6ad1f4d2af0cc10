import { assertEquals } from "@std/assert";
import { parseMetrics } from "../../../../../lib/platform/linux/metrics/parse.ts";
import { rpcErrorOf } from "../../../_helpers.ts";

const TEXT = `==> processes
42
==> /proc/uptime
100.25 180.50
==> /proc/loadavg
0.50 0.40 0.30 2/240 4242
==> /proc/stat
cpu  200 0 100 1000 50 0 10 5 0 0
cpu0 150 0 60 500 30 0 6 5 0 0
cpu1 50 0 40 500 20 0 4 0 0 0
ctxt 66520215
btime 1702037056
processes 40213
procs_running 2
procs_blocked 1
==> /proc/meminfo
MemTotal:        4028356 kB
MemFree:         1228800 kB
MemAvailable:    2097152 kB
Buffers:          102400 kB
Cached:          1048576 kB
SwapTotal:       1048576 kB
SwapFree:        1048000 kB
Dirty:                64 kB
==> /proc/vmstat
pswpin 3
pswpout 4
pgfault 5021544
pgmajfault 812
oom_kill 1
==> /proc/pressure/cpu
some avg10=82.84 avg60=81.45 avg300=67.84 total=9224040570
full avg10=0.00 avg60=0.00 avg300=0.00 total=0
==> /proc/pressure/memory
some avg10=0.00 avg60=0.00 avg300=0.00 total=7
==> /proc/pressure/io
some avg10=0.25 avg60=0.39 avg300=0.15 total=133349296
==> /proc/diskstats
   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0
   7       1 loop1 86 0 1380 6 0 0 0 0 0 12 6
 254       0 vda 415601 40652 14862770 870507 955591 273465 74501432 1126020 2 277544 2133449
==> /proc/net/dev
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
  eth0:   21538     361    1    2    0     0          0         0    31538     261    3    4    0     0       0          0
==> /proc/sys/fs/file-nr
1010	0	2466186
`;

Deno.test("the kernel's files become seconds, bytes and counts", () => {
  const sample = parseMetrics(TEXT, 7);
  assertEquals([sample.timestampMs, sample.uptimeSeconds, sample.bootTime], [
    7,
    100.25,
    1702037056,
  ]);
  assertEquals(sample.loadAverage, [0.5, 0.4, 0.3]);
  assertEquals([sample.processors.user, sample.processors.idle, sample.processors.steal], [
    2,
    10,
    0.05,
  ]);
  assertEquals(sample.cores.map(({ index, user }) => [index, user]), [[0, 1.5], [1, 0.5]]);
  assertEquals(sample.contextSwitches, 66520215);
  assertEquals(sample.processes, {
    count: 42,
    threads: 240,
    running: 2,
    blocked: 1,
    created: 40213,
  });
  assertEquals(sample.memory.totalBytes, 4028356 * 1024);
  assertEquals(sample.memory.sharedBytes, 0);
  assertEquals([sample.memory.majorPageFaults, sample.memory.outOfMemoryKills], [812, 1]);
  assertEquals(sample.pressure?.cpu.some, { percent: [82.84, 81.45, 67.84], seconds: 9224.04057 });
  assertEquals(sample.pressure?.memory.full, undefined);
  assertEquals(sample.disks.map(({ name }) => name), ["loop1", "vda"]);
  assertEquals(sample.disks[1], {
    name: "vda",
    reads: 415601,
    readBytes: 14862770 * 512,
    readSeconds: 870.507,
    writes: 955591,
    writtenBytes: 74501432 * 512,
    writeSeconds: 1126.02,
    inFlight: 2,
    busySeconds: 277.544,
  });
  assertEquals(
    sample.links.map(({ name, receivedBytes, sendDrops }) => [name, receivedBytes, sendDrops]),
    [
      ["eth0", 21538, 4],
    ],
  );
  assertEquals(sample.openFiles, { count: 1010, limit: 2466186 });
});

Deno.test("a kernel without pressure, disks or network still has metrics", () => {
  const sections = TEXT.split(/^(?===> )/m).filter((section) =>
    !/pressure|diskstats|net.dev|vmstat/.test(section)
  );
  const sample = parseMetrics(sections.join(""), 7);
  assertEquals(sample.pressure, undefined);
  assertEquals([sample.disks, sample.links, sample.memory.outOfMemoryKills], [[], [], undefined]);
});

Deno.test("a missing /proc is an error, not a row of zeros", async () => {
  const error = await rpcErrorOf(() => parseMetrics("==> processes\n0\n", 7));
  assertEquals(error.code, -32000);
});
