import { assertEquals } from "@std/assert";
import { parseArguments, parsePage } from "../../../../../lib/platform/linux/proc/parse.ts";
import { rpcErrorOf } from "../../../_helpers.ts";

Deno.test("a page has processes with times in seconds and sizes in bytes", () => {
  const text = "-9999999999999999\t112\t1702037056\n" +
    "-7\t42\t1204\t1\tS\t113\tpostgres\t3\t1253\t100\t200\tpostgres\n" +
    "0\t43\t0\t2\t?\t5000\t\t1\t0\t0\t0\tkthread/a b\n";
  const { total, processes } = parsePage(text);
  assertEquals(total, 112);
  assertEquals(processes, [
    {
      pid: 42,
      startTicks: 1204,
      parentPid: 1,
      name: "postgres",
      state: "sleeping",
      uid: 113,
      user: "postgres",
      threads: 3,
      cpuSeconds: 12.53,
      residentBytes: 102400,
      virtualBytes: 204800,
      startedAt: 1702037068,
      cursor: "-7:42",
    },
    {
      pid: 43,
      startTicks: 0,
      parentPid: 2,
      name: "kthread/a b",
      state: "unknown",
      uid: 5000,
      threads: 1,
      cpuSeconds: 0,
      residentBytes: 0,
      virtualBytes: 0,
      startedAt: 1702037056,
      cursor: "0:43",
    },
  ]);
});

Deno.test("a guest without /proc is an error, not an empty list", async () => {
  assertEquals((await rpcErrorOf(() => parsePage(""))).code, -32000);
});

Deno.test("command lines are split at NUL, whatever bytes they have", () => {
  const found = parseArguments(
    "pid 1\n 2f 62 69 6e 00 00\n 2d 78 00\npid 2\npid 3\n ff 0a\n",
    2048,
  );
  assertEquals([...found], [
    [1, { arguments: ["/bin", "", "-x"] }],
    [3, { arguments: ["\ufffd\n"] }],
  ]);
});

Deno.test("a command line of the maximum length counts as truncated", () => {
  assertEquals(parseArguments("pid 1\n 41 42\n", 2).get(1)?.argumentsTruncated, true);
});
