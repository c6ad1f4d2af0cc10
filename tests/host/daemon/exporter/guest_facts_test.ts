import { assertEquals, fail } from "@std/assert";
import { GuestRecord } from "../../../../host/daemon/exporter/guest_facts.ts";
import { exampleOf } from "./_guests.ts";

const metrics = exampleOf("get_metrics");
const filesystem = exampleOf("get_disk_usage").filesystems[0] ?? fail("no file system");
const eth0 = metrics.network[0] ?? fail("no network device");
const system = exampleOf("get_system_info");

Deno.test("devices that containers come and go with are left out", () => {
  const record = new GuestRecord();
  const names = ["lo", "eth0", "veth1234", "docker0", "ens3", "enp1s0", "cali9"];
  record.setMetrics({ ...metrics, network: names.map((name) => ({ ...eth0, name })) }, 0);
  assertEquals(record.facts.network?.map(({ name }) => name), ["eth0", "ens3", "enp1s0"]);
  assertEquals(record.facts.omitted.network, 0);
});

Deno.test("what is left out is counted, also what the guest itself left out", () => {
  const record = new GuestRecord();
  const mounted = Array.from({ length: 70 }, (_, n) => ({ ...filesystem, mount_point: `/m${n}` }));
  record.setFilesystems(mounted, 0);
  record.setMetrics({ ...metrics, network_omitted: 5 }, 0);
  record.setFailedUnits({ names: ["a.service"], count: 30 }, 0);
  assertEquals(record.facts.filesystems?.length, 64);
  assertEquals(record.facts.omitted, { filesystem: 6, network: 5, disk: 0, unit: 29 });
});

Deno.test("a guest that changes its description each time is described four times an hour", () => {
  const record = new GuestRecord();
  const told = Array.from({ length: 10 }, (_, n) => {
    record.setDescription({ system: { ...system, hostname: `h${n}` } }, n);
    return record.facts.system?.hostname;
  });
  assertEquals(told.filter((one) => one !== undefined), ["h0", "h1", "h2", "h3"]);
});

Deno.test("what a guest no longer tells is forgotten", () => {
  const record = new GuestRecord();
  record.setMetrics(metrics, 0);
  record.setFilesystems([filesystem], 0);
  record.setMetrics(undefined, 1);
  record.setFilesystems(undefined, 1);
  assertEquals([record.facts.metrics, record.facts.network, record.facts.filesystems], [
    undefined,
    [],
    [],
  ]);
});
