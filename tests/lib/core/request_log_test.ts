import { assert, assertEquals } from "@std/assert";
import type { CallId } from "../../../lib/core/call_id.ts";
import { invalidRequest, parseError } from "../../../lib/base/errors.ts";
import { RequestLog } from "../../../lib/core/request_log.ts";
import { CollectingLog } from "../_helpers.ts";
import { until } from "../../_waiting.ts";

const request = (id: CallId | undefined, name = "ping") => ({
  id,
  method: name,
  params: {},
});

Deno.test("RequestLog writes each request with its outcome", () => {
  const log = new CollectingLog();
  const requests = new RequestLog(log);
  requests.finished(request(1), performance.now());
  requests.finished(request("b"), performance.now(), { code: -32001, reason: "no", path: "/x" });
  const [good, bad] = log.lines;
  assertEquals([good?.level, good?.message, good?.fields.outcome], ["info", "request", "ok"]);
  assertEquals(bad?.fields.outcome, "error");
  assertEquals([bad?.fields.code, bad?.fields.reason, bad?.fields.path], [-32001, "no", "/x"]);
});

Deno.test("RequestLog tells how long a request took, in milliseconds", () => {
  const log = new CollectingLog();
  new RequestLog(log).finished(request(1), performance.now() - 1500);
  const ms = log.lines[0]?.fields.ms;
  assert(typeof ms === "number" && ms >= 1500 && ms < 30_000, String(ms));
});

Deno.test("RequestLog writes a notification without an id", () => {
  const log = new CollectingLog();
  new RequestLog(log).finished(request(undefined), performance.now());
  assertEquals("id" in JSON.parse(JSON.stringify(log.lines[0]?.fields)), false);
});

Deno.test("RequestLog cuts ids and methods that a host has made long", () => {
  const log = new CollectingLog();
  new RequestLog(log).finished(request("x".repeat(5000), "y".repeat(5000)), performance.now());
  assertEquals(log.lines[0]?.fields.id, "x".repeat(100));
  assertEquals(log.lines[0]?.fields.method, "y".repeat(100));
});

Deno.test("RequestLog writes an id as it was sent, and cuts a number that is long", () => {
  const log = new CollectingLog();
  const requests = new RequestLog(log);
  const ids = [null, 7, JSON.rawJSON("9007199254740993"), JSON.rawJSON("1".repeat(5000))];
  for (const id of ids) requests.finished(request(id), performance.now());
  assertEquals(log.lines.map(({ fields }) => JSON.stringify(fields.id)), [
    "null",
    "7",
    "9007199254740993",
    `"${"1".repeat(100)}"`,
  ]);
});

Deno.test("RequestLog leaves out the value that a reason repeats for the host", () => {
  const log = new CollectingLog();
  const requests = new RequestLog(log);
  const reason = 'count must be a number, received "S3CR3T"';
  requests.finished(request(1), performance.now(), { code: -32602, reason });
  requests.malformed(invalidRequest(reason));
  requests.malformed(parseError('not JSON: Unexpected token "S3CR3T"'));
  assertEquals(JSON.stringify(log.lines).includes("S3CR3T"), false);
  assertEquals(log.lines.map(({ fields }) => fields.code), [-32602, -32600, -32700]);
});

Deno.test("RequestLog writes few of many refusals, and later how many it left out", async () => {
  const log = new CollectingLog();
  const requests = new RequestLog(log);
  for (let i = 0; i < 500; i++) requests.malformed(invalidRequest("nonsense"));
  const written = log.of("malformed request").length;
  assert(written >= 10 && written < 100, `${written} lines`);
  await until(() => {
    requests.finished(request(1), performance.now(), { code: -32004 });
    return log.of("request").length > 0;
  }, "a refusal that is logged again");
  const told = log.of("refusals not logged individually");
  assert(told.length > 0);
  const count = Number(told[0]?.fields.count);
  assert(count >= 500 - written - 50 && count <= 5000, `${count}`);
});

Deno.test("RequestLog counts each refusal that it leaves out once", async () => {
  const log = new CollectingLog();
  const requests = new RequestLog(log);
  const told = () => log.of("refusals not logged individually");
  let refused = 0;
  // Two counts: the second one must not contain the first.
  for (const counts of [1, 2]) {
    await until(() => {
      for (let count = 0; count < 100; count++) requests.malformed(invalidRequest("nonsense"));
      refused += 100;
      return told().length >= counts;
    }, "a count");
  }
  const counted = told().reduce((sum, { fields }) => sum + Number(fields.count), 0);
  assert(counted + log.of("malformed request").length <= refused, `${counted} of ${refused}`);
});

Deno.test("RequestLog never leaves out a request that was let in", () => {
  const log = new CollectingLog();
  const requests = new RequestLog(log);
  for (let i = 0; i < 500; i++) {
    requests.finished(request(i), performance.now(), i % 2 === 0 ? {} : { code: -32602 });
  }
  assertEquals(log.of("request").length, 500);
});

Deno.test("RequestLog writes a fault with its stack", () => {
  const log = new CollectingLog();
  const error = new Error("broken");
  new RequestLog(log).fault("a fault", error, request(1));
  assertEquals(log.lines[0], {
    level: "error",
    message: "a fault",
    fields: { id: 1, method: "ping", error: error.stack },
  });
});
