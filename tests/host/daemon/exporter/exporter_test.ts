import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { UsageError } from "../../../../lib/base/command_line.ts";
import { Exporter, type ExporterOptions } from "../../../../host/daemon/exporter/exporter.ts";
import type { Family } from "../../../../host/daemon/exporter/exposition.ts";
import { GUEST_FAMILIES } from "../../../../host/daemon/exporter/families.ts";
import { HOST_FAMILIES } from "../../../../host/daemon/exporter/page.ts";
import { until } from "../../../_waiting.ts";
import { TempDirectory } from "../../../lib/_helpers.ts";
import { CERTIFICATE, KEY } from "./_certificate.ts";
import { answerExamples, exampleOf, Guests } from "./_guests.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 } as const;
const FAST = { intervalMs: 50, slowIntervalMs: 100 } as const;

const start = (guests: Guests, options: Partial<ExporterOptions> = {}) =>
  Exporter.start(guests, { listen: LOOPBACK, times: FAST, ...options });

/** Scrapes until the page has the text. */
async function scrape(exporter: Exporter, text: string | RegExp): Promise<string> {
  const url = `http://127.0.0.1:${exporter.address.port}/metrics`;
  let page = "";
  await until(async () => {
    page = await (await fetch(url, { headers: { accept: "application/openmetrics-text" } })).text();
    return typeof text === "string" ? page.includes(text) : text.test(page);
  }, () => `${text} in ${page}`);
  return page;
}

/** The lines of samples whose name begins with this. */
const lines = (page: string, name: string) =>
  page.split("\n").filter((line) => line.startsWith(name));

Deno.test("a scrape tells what the guests told, under their names and UUIDs", async () => {
  await using guests = await Guests.start({ web1: answerExamples(), db1: answerExamples() });
  guests.uuids.set("db1", "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
  const exporter = await start(guests);
  await using _exporter = exporter;
  await scrape(exporter, 'unit_failed{domain="web1"');
  const page = await scrape(exporter, 'unit_failed{domain="db1"');
  const db1 = 'domain="db1",uuid="4dea22b3-1d52-d8f3-2516-782e98ab3fa0"';
  for (
    const line of [
      "kvmmanager_hostd_vms 2",
      `kvmmanager_agent_up{${db1}} 1`,
      'kvmmanager_agent_up{domain="web1"} 1',
      `kvmmanager_guest_load1{${db1}} 0.5`,
      `kvmmanager_guest_filesystem_avail_bytes{${db1},device="/dev/vda1",fstype="ext4",mountpoint="/"} 11523674112`,
      `kvmmanager_guest_network_receive_bytes_total{${db1},device="eth0"} 735025431`,
      `kvmmanager_guest_cpu_seconds_total{${db1},mode="idle"} 84000.1`,
      `kvmmanager_guest_clock_synchronized{${db1}} 1`,
      `kvmmanager_guest_unit_failed{${db1},name="postgresql.service"} 1`,
    ]
  ) {
    assert(page.split("\n").includes(line), `${line} in\n${page}`);
  }
  assert(page.endsWith("\n# EOF\n"));
  assertMatch(page, /kvmmanager_guest_os_info\{domain="web1",[^}]*hostname="db-1"\} 1\n/);
});

Deno.test("the samples of a family stand together, and each is told once", async () => {
  await using guests = await Guests.start({ a: answerExamples(), b: answerExamples() });
  const exporter = await start(guests);
  await using _exporter = exporter;
  await scrape(exporter, 'unit_failed{domain="a"');
  const page = await scrape(exporter, 'unit_failed{domain="b"');
  const samples = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const series = samples.map((line) => line.slice(0, line.lastIndexOf(" ")));
  assertEquals(series.length, new Set(series).size);
  const families = page.matchAll(/^# TYPE (\S+)/gm).toArray().map(([, name]) => name);
  assertEquals(families.length, new Set(families).size);
});

Deno.test("a name that no label can hold as it is does not break the page", async () => {
  const mean = 'a"b\\c\nd\ud800\0';
  const [filesystem] = exampleOf("get_disk_usage").filesystems;
  const broken = ["\ud800", "\udfff"].map((mount_point) => ({ ...filesystem, mount_point }));
  await using guests = await Guests.start({
    [mean]: answerExamples({ get_disk_usage: { filesystems: broken } }),
  });
  const exporter = await start(guests);
  await using _exporter = exporter;
  const page = await scrape(exporter, "filesystem_avail_bytes{");
  assert(
    page.includes('kvmmanager_agent_up{domain="a\\"b\\\\c\\nd\u{FFFD}\u{FFFD}"} 1\n'),
    page,
  );
  // Both mount points have become the same text.
  assertEquals(lines(page, "kvmmanager_guest_filesystem_avail_bytes{").length, 1);
});

Deno.test("of two VMs with one name, the one whose agent answers is told", async () => {
  await using guests = await Guests.start({ gone: answerExamples(), here: answerExamples() });
  guests.agents.get("gone")?.hangUp();
  await until(
    () => guests.vms.some(({ agent }) => agent.state === "unavailable"),
    "the end of one",
  );
  const twins = guests.vms.map((vm) => ({ ...vm, name: "twin" }));
  for (const vms of [twins, twins.toReversed()]) {
    const exporter = await Exporter.start({ vms }, { listen: LOOPBACK, times: FAST });
    await using _exporter = exporter;
    const page = await scrape(exporter, "kvmmanager_guest_load1");
    assertEquals(lines(page, "kvmmanager_agent_up"), ['kvmmanager_agent_up{domain="twin"} 1']);
    assertEquals(lines(page, "kvmmanager_hostd_vms_omitted"), ["kvmmanager_hostd_vms_omitted 1"]);
  }
});

Deno.test("a VM whose agent is lost is told as down, with the age of its last sample", async () => {
  await using guests = await Guests.start({ a: answerExamples() });
  const exporter = await start(guests);
  await using _exporter = exporter;
  await scrape(exporter, "kvmmanager_guest_load1");
  guests.agents.get("a")?.hangUp();
  const page = await scrape(exporter, 'kvmmanager_agent_up{domain="a"} 0');
  assertMatch(page, /kvmmanager_agent_sample_age_seconds\{domain="a"\} \d/);
});

Deno.test("names have the prefix, the unit as their last word, and a sentence as help", () => {
  for (const { name, unit, help } of [...GUEST_FAMILIES, ...Object.values<Family>(HOST_FAMILIES)]) {
    assertMatch(name, /^kvmmanager_(guest|agent|hostd)(_[a-z0-9]+)*$/);
    assert(unit === undefined || name.endsWith(`_${unit}`), name);
    assertMatch(help, /^[A-Z1].*\.$/);
  }
});

Deno.test("an address that others can reach needs a token", async () => {
  await using guests = await Guests.start({});
  const listen = { hostname: "0.0.0.0", port: 0 };
  const { message } = await assertRejects(() => start(guests, { listen }), UsageError);
  assertMatch(message, /--metrics-web-config/);
});

Deno.test("a port that is taken is reported", async () => {
  await using guests = await Guests.start({});
  const exporter = await start(guests);
  await using _exporter = exporter;
  const listen = { hostname: "127.0.0.1", port: exporter.address.port };
  const { message } = await assertRejects(() => start(guests, { listen }), UsageError);
  assertMatch(message, /^cannot listen on --metrics-listen 127\.0\.0\.1:\d+: .*in use/i);
});

Deno.test("over TLS, a token can be replaced without a restart; a bad file changes nothing", async () => {
  await using guests = await Guests.start({});
  await using directory = await TempDirectory.make();
  await directory.file("crt", CERTIFICATE);
  await directory.file("key", KEY);
  await directory.file("token", "first-token-0123456789");
  const webConfigFile = await directory.file(
    "web.yml",
    "tls_server_config: { cert_file: crt, key_file: key }\n" +
      "authorization: { credentials_file: token }\n",
  );
  const exporter = await start(guests, { webConfigFile });
  await using _exporter = exporter;
  const client = Deno.createHttpClient({ caCerts: [CERTIFICATE] });
  using _client = client;
  const statusWith = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const url = `https://localhost:${exporter.address.port}/metrics`;
    const response = await fetch(url, { client, headers });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await statusWith("first-token-0123456789"), 200);
  assertEquals(await statusWith("second-token-0123456789"), 401);

  await directory.file("token", "second-token-0123456789");
  await exporter.reload();
  assertEquals(await statusWith("first-token-0123456789"), 401);
  assertEquals(await statusWith("second-token-0123456789"), 200);

  await directory.file("crt", "no certificate");
  await assertRejects(() => exporter.reload(), UsageError, "certificate");
  await directory.file("token", "short");
  await assertRejects(() => exporter.reload(), Error, "at least 16 characters");
  assertEquals(await statusWith("second-token-0123456789"), 200);
  await assertRejects(
    () => fetch(`http://localhost:${exporter.address.port}/metrics`).then((one) => one.text()),
  );
});
