/**
 * The exporter, the alert rules and the dashboard, with a real Prometheus.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Exporter } from "../../host/daemon/exporter/exporter.ts";
import { GUEST_FAMILIES } from "../../host/daemon/exporter/families.ts";
import { HOST_FAMILIES } from "../../host/daemon/exporter/page.ts";
import { type Family, sampleName } from "../../host/daemon/exporter/exposition.ts";
import { ROOT } from "../_deno.ts";
import { until } from "../_waiting.ts";
import { CERTIFICATE, KEY } from "../host/daemon/exporter/_certificate.ts";
import { answerExamples, exampleOf, Guests } from "../host/daemon/exporter/_guests.ts";
import { TempDirectory } from "../lib/_helpers.ts";
import { dashboardQueries } from "./_dashboard.ts";
import { Prometheus } from "./_prometheus.ts";
import { run } from "./_tools.ts";

const RULES = `${ROOT}install/prometheus/kvmmanager.rules.yml`;
const LISTEN = { hostname: "127.0.0.1", port: 0 } as const;
const TIMES = { intervalMs: 500, slowIntervalMs: 1000 } as const;
const TOKEN = "0123456789abcdef0123456789abcdef";
/** A name that needs every escape. */
const ODD_NAME = 'a "b" \\ c\nd é';
const METRICS = [...GUEST_FAMILIES, ...Object.values<Family>(HOST_FAMILIES)].map(sampleName);

/** An agent in a guest whose processors are at work. */
function answerBusy() {
  const metrics = exampleOf("get_metrics");
  const some = metrics.pressure?.cpu.some;
  const busy = () => ({
    ...metrics,
    pressure: { cpu: { some }, memory: { some, full: some }, io: { some, full: some } },
    cpu: { ...metrics.cpu, user_seconds_total: performance.now() / 1000 },
  });
  return answerExamples({ get_metrics: busy });
}

/** The metrics that an expression names. */
const metricsIn = (text: string) => new Set(text.match(/\bkvmmanager_[a-z0-9_]+/g) ?? []);

Deno.test("promtool finds nothing wrong with the names, types and help of the metrics", async () => {
  await using guests = await Guests.start({ web1: answerExamples() });
  const exporter = await Exporter.start(guests, { listen: LISTEN, times: TIMES });
  await using _exporter = exporter;
  let page = "";
  await until(async () => {
    page = await (await fetch(`http://127.0.0.1:${exporter.address.port}/metrics`)).text();
    return page.includes("kvmmanager_guest_unit_failed{");
  }, "a whole page");
  assertEquals(await run("promtool", ["check", "metrics"], { input: page }), {
    code: 0,
    stdout: "",
    stderr: "",
  });
});

Deno.test("each alert fires when it should, and not when it should not", async () => {
  const checked = await run("promtool", ["check", "rules", RULES]);
  assertEquals(checked.code, 0, checked.stderr);
  const tested = await run("promtool", ["test", "rules", `${ROOT}tests/fleet/alerts_test.yml`]);
  assertEquals(tested.code, 0, tested.stdout + tested.stderr);
  const rules = await Deno.readTextFile(RULES);
  const tests = await Deno.readTextFile(`${ROOT}tests/fleet/alerts_test.yml`);
  const alerts = rules.matchAll(/- alert: (\w+)/g).map(([, name = ""]) => name).toArray();
  assertEquals(alerts.filter((name) => !tests.includes(`alertname: ${name}`)), [], "not tested");
});

Deno.test("alerts and dashboard use metrics that exist", async () => {
  const rules = await Deno.readTextFile(RULES);
  const queries = (await dashboardQueries()).map(({ expression }) => expression).join("\n");
  for (const name of metricsIn(rules + queries)) assert(METRICS.includes(name), name);
});

Deno.test("Prometheus scrapes over TLS with a token, and every query of the dashboard has a result", async () => {
  await using guests = await Guests.start({
    web1: answerBusy(),
    [ODD_NAME]: answerExamples(),
  });
  guests.uuids.set("web1", "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
  await using directory = await TempDirectory.make();
  const certificate = await directory.file("crt", CERTIFICATE);
  await directory.file("key", KEY);
  const token = await directory.file("token", TOKEN);
  const webConfigFile = await directory.file(
    "web.yml",
    "tls_server_config: { cert_file: crt, key_file: key }\n" +
      "authorization: { credentials_file: token }\n",
  );
  const exporter = await Exporter.start(guests, { listen: LISTEN, times: TIMES, webConfigFile });
  await using _exporter = exporter;
  const target = {
    scheme: "https",
    tls_config: { ca_file: certificate, server_name: "localhost" },
    static_configs: [{ targets: [`127.0.0.1:${exporter.address.port}`] }],
  };
  const prometheus = await Prometheus.start({
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: [RULES],
    scrape_configs: [
      { ...target, job_name: "kvmmanager", authorization: { credentials_file: token } },
      { ...target, job_name: "stranger", authorization: { credentials: "a-wrong-token-0123" } },
    ],
  });
  await using _prometheus = prometheus;

  const queries = await dashboardQueries();
  for (const { panel, expression } of queries) {
    await until(
      async () => (await prometheus.query(expression)).length > 0,
      `a result for the panel "${panel}": ${expression}`,
    );
  }
  const health = (await prometheus.targets()).map((one) => [one.health, one.lastError]);
  assertEquals(health.sort(), [
    ["down", "server returned HTTP status 401 Unauthorized"],
    ["up", ""],
  ]);
  const up = await prometheus.query("kvmmanager_agent_up");
  assertEquals(up.map(({ metric, value }) => [metric.domain, metric.uuid, value[1]]).sort(), [
    [ODD_NAME, undefined, "1"],
    ["web1", "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", "1"],
  ]);
  const pending = await prometheus.query('ALERTS{domain="web1"}');
  assertMatch(JSON.stringify(pending), /KvmmanagerUnitFailed/);
});
