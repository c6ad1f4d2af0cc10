import { assert, assertEquals } from "@std/assert";
import type { CallId } from "../../../lib/core/call_id.ts";
import { invalidRequest, parseError } from "../../../lib/base/errors.ts";
import { RequestLog } from "../../../lib/core/request_log.ts";
import type { LogFields } from "../../../lib/log/logger.ts";
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

const piece = (id: number, method: string) => ({ id, method, params: {} });
const at = (offset: number, path = "/f") => ({ path, offset, length: 100 });

Deno.test("RequestLog writes one line a second for the pieces of a file", async () => {
  const log = new CollectingLog(false);
  const requests = new RequestLog(log);
  for (const [id, offset] of [0, 100, 300, 200].entries()) {
    requests.finished(piece(id, "file_write"), performance.now() - offset, at(offset));
  }
  assertEquals(log.lines.map(({ message, fields }) => [message, fields.id]), [["request", 0]]);
  await until(() => log.of("requests").length > 0, "the line of the pieces");
  const [together] = log.of("requests");
  const { method, count, outcome, path, offset, to, longest_ms } = together?.fields ?? {};
  assertEquals([method, count, outcome, path, offset, to], ["file_write", 3, "ok", "/f", 100, 300]);
  assert(typeof longest_ms === "number" && longest_ms >= 300 && longest_ms < 30_000);
  // The next piece begins anew once a second has passed without any.
  await until(() => {
    requests.finished(piece(9, "file_write"), performance.now(), at(500));
    return log.of("requests").length > 1;
  }, "the pieces of another second");
  requests.flush();
});

Deno.test("RequestLog writes what is left of a transfer before anything else, and when it ends", () => {
  const log = new CollectingLog(false);
  const requests = new RequestLog(log);
  const finished = (id: number, method: string, fields: LogFields) =>
    requests.finished(piece(id, method), performance.now(), fields);
  finished(1, "file_read", at(0));
  finished(2, "file_read", at(100));
  finished(3, "file_read", { ...at(200), code: -32000, reason: "no" });
  finished(4, "file_read", at(300, "/other"));
  finished(5, "file_read", at(400, "/other"));
  finished(6, "file_write", at(500, "/other"));
  finished(7, "file_write", at(600, "/other"));
  requests.flush();
  requests.flush();
  assertEquals(
    log.lines.map(({ message, fields }) => [message, fields.id, fields.count, fields.path]),
    [
      ["request", 1, undefined, "/f"],
      ["requests", undefined, 1, "/f"],
      ["request", 3, undefined, "/f"],
      ["request", 4, undefined, "/other"],
      ["requests", undefined, 1, "/other"],
      ["request", 6, undefined, "/other"],
      ["requests", undefined, 1, "/other"],
    ],
  );
});

Deno.test("RequestLog writes each read from the beginning of a file, and each piece if details are logged", () => {
  const log = new CollectingLog(false);
  const requests = new RequestLog(log);
  for (const id of [1, 2, 3]) {
    requests.finished(piece(id, "file_read"), performance.now(), at(0));
  }
  requests.flush();
  assertEquals(log.lines.map(({ fields }) => fields.id), [1, 2, 3]);
  const detailed = new CollectingLog();
  const all = new RequestLog(detailed);
  for (const id of [1, 2, 3]) {
    all.finished(piece(id, "file_read"), performance.now(), at(id * 100));
  }
  assertEquals(detailed.lines.map(({ fields }) => fields.id), [1, 2, 3]);
});
