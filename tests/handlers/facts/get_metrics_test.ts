import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { getMetrics } from "../../../handlers/facts/get_metrics.ts";
import { Caller } from "../../../lib/core/caller.ts";
import type { LinkMetrics, Metrics, ProcessorSeconds } from "../../../lib/guest/metrics.ts";
import { CollectingLog, configWith, NEVER, rpcErrorOf } from "../../lib/_helpers.ts";
import { memoryServices } from "../../lib/guest/_memory_guest.ts";
import { MEMORY_METRICS } from "../../lib/guest/_memory_metrics.ts";
import { Served } from "../_served.ts";

async function call(metrics: Metrics | undefined, resultLimitBytes = 60_000) {
  return z.parse(
    getMetrics.result,
    await getMetrics.prepare({}).run({
      config: configWith(),
      ...memoryServices({ metrics }),
      log: new CollectingLog(),
      methods: [getMetrics],
      signal: NEVER,
      resultLimitBytes,
      caller: new Caller(),
    }),
  );
}

const TIMES: ProcessorSeconds = {
  user: 123456.78,
  nice: 1,
  system: 2,
  idle: 3,
  iowait: 4,
  irq: 5,
  softirq: 6,
  steal: 7,
  guest: 8,
  guestNice: 9,
};

const link = (name: string): LinkMetrics => ({
  name,
  receivedBytes: 2 ** 50,
  receivedPackets: 1,
  receiveErrors: 2,
  receiveDrops: 3,
  sentBytes: 4,
  sentPackets: 5,
  sendErrors: 6,
  sendDrops: 7,
});

Deno.test("get_metrics leaves out what does not fit, and says how much", async () => {
  const sample = {
    ...await MEMORY_METRICS.sample(NEVER),
    cores: Array.from({ length: 1024 }, (_, index) => ({ index, ...TIMES })),
    links: Array.from({ length: 5000 }, (_, index) => link(`veth${index}`)),
  };
  for (const limit of [60_000, 1_000_000]) {
    const result = await call({ sample: () => Promise.resolve(sample) }, limit);
    assert(JSON.stringify(result).length <= limit, `${JSON.stringify(result).length}`);
    assertEquals(result.network.length + (result.network_omitted ?? 0), 5000);
    assertEquals(result.cores.length + (result.cores_omitted ?? 0), 1024);
    assert(result.network.length > 50 && result.cores.length > 20);
    assertEquals(result.disks_omitted, undefined);
  }
});

Deno.test("get_metrics says that a guest cannot measure itself, and is then unavailable", async () => {
  const { code, message } = await rpcErrorOf(() => call(undefined));
  assertEquals([code, message], [-32000, "this guest cannot measure itself"]);
});

Deno.test("get_metrics of a real, confined agent only grows", async () => {
  await using served = await Served.start(getMetrics);
  const first = await served.call({}, getMetrics.result);
  assert(first.cores.length > 0 && first.processes.process_count > 1);
  assert(first.memory.total_bytes > first.memory.available_bytes);
  assert(first.network.some(({ name }) => name === "lo"));
  const second = await served.call({}, getMetrics.result);
  assert(second.uptime_seconds >= first.uptime_seconds);
  assert(second.processes.created_total > first.processes.created_total);
  assert(second.cpu.context_switches_total > first.cpu.context_switches_total);
  assertEquals(second.boot_time, first.boot_time);
});
