import { assertEquals } from "@std/assert";
import {
  type Family,
  familyHead,
  formatFor,
  labelText,
  labelValue,
  sampleLine,
} from "../../../../host/daemon/exporter/exposition.ts";

const COUNTER: Family = {
  name: "kvmmanager_guest_sent_bytes",
  type: "counter",
  unit: "bytes",
  help: 'Bytes \\ "sent".\nAll of them.',
};

Deno.test("a family is introduced as each format asks", () => {
  assertEquals(
    familyHead(COUNTER, "prometheus"),
    '# HELP kvmmanager_guest_sent_bytes_total Bytes \\\\ "sent".\\nAll of them.\n' +
      "# TYPE kvmmanager_guest_sent_bytes_total counter\n",
  );
  assertEquals(
    familyHead(COUNTER, "openmetrics"),
    "# TYPE kvmmanager_guest_sent_bytes counter\n# UNIT kvmmanager_guest_sent_bytes bytes\n" +
      '# HELP kvmmanager_guest_sent_bytes Bytes \\\\ \\"sent\\".\\nAll of them.\n',
  );
  assertEquals(
    familyHead({ name: "os", type: "info", help: "It." }, "prometheus"),
    "# HELP os_info It.\n# TYPE os_info gauge\n",
  );
});

Deno.test("a sample is one line, whatever its labels contain", () => {
  const labels = labelText({ domain: 'a"b\\c\nd', uuid: undefined, empty: "" });
  assertEquals(labels, 'domain="a\\"b\\\\c\\nd"');
  assertEquals(
    sampleLine(COUNTER, labels, 1.5),
    'kvmmanager_guest_sent_bytes_total{domain="a\\"b\\\\c\\nd"} 1.5\n',
  );
  assertEquals(sampleLine(COUNTER, "", 1e21), "kvmmanager_guest_sent_bytes_total 1e+21\n");
  for (const [value, text] of [[NaN, "NaN"], [Infinity, "+Inf"], [-Infinity, "-Inf"]] as const) {
    assertEquals(sampleLine(COUNTER, "", value), `kvmmanager_guest_sent_bytes_total ${text}\n`);
  }
});

Deno.test("a label value is well-formed, without control characters, and bounded", () => {
  assertEquals(labelValue("half \ud800 pair"), "half \u{FFFD} pair");
  assertEquals(labelValue("\0\t\r\x1b[2J\x7f"), "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}[2J\u{FFFD}");
  assertEquals(labelValue("x".repeat(300)).length, 256);
  const cutInAPair = labelValue("x".repeat(255) + "\u{1F600}");
  assertEquals([cutInAPair.length, cutInAPair.isWellFormed()], [256, true]);
});

Deno.test("OpenMetrics is for clients that ask for it", () => {
  assertEquals(formatFor("application/openmetrics-text;version=1.0.0,*/*;q=0.1"), "openmetrics");
  for (const accept of ["", "*/*", "text/plain;version=0.0.4"]) {
    assertEquals(formatFor(accept), "prometheus");
  }
});
