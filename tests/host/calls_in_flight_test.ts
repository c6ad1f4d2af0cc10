import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CallsInFlight } from "../../host/calls_in_flight.ts";
import { AnswerError, CallError } from "../../host/errors.ts";

const resultLine = (id: string, result: string) =>
  `{"jsonrpc":"2.0","result":${result},"id":${JSON.stringify(id)}}`;

Deno.test("a call gets the answer with its id, once", async () => {
  const calls = new CallsInFlight();
  const [one, two] = [calls.begin("ping"), calls.begin("ping")];
  assert(one.id !== two.id);
  assertEquals(calls.receive(resultLine(two.id, '{"n": 2}')), "answer");
  assertEquals(await two.answer, { result: { n: 2 }, text: '{"n": 2}' });
  assertEquals(calls.receive(resultLine(two.id, "3")), "foreign");
  assertEquals(calls.receive(`{"id":"${one.id}","result":1,"jsonrpc":"2.0"}`), "answer");
  assertEquals((await one.answer).result, 1);
});

Deno.test("an error answer fails its call", async () => {
  const calls = new CallsInFlight();
  const call = calls.begin("ping");
  const error = '{"code":-32001,"message":"no"}';
  assertEquals(calls.receive(`{"jsonrpc":"2.0","error":${error},"id":"${call.id}"}`), "answer");
  await assertRejects(() => call.answer, AnswerError, "no");
});

Deno.test("what answers no call is foreign or a notification", () => {
  const calls = new CallsInFlight();
  const call = calls.begin("ping");
  calls.end(call);
  assertEquals(calls.receive(resultLine(call.id, "1")), "foreign");
  assertEquals(calls.receive(resultLine("another client's", "1")), "foreign");
  assertEquals(calls.receive("not JSON"), "foreign");
  assertEquals(calls.receive('{"jsonrpc":"2.0","method":"agent_ready","params":{}}'), {
    method: "agent_ready",
    params: {},
  });
});

Deno.test("a lost connection fails every call and says whether it was sent", async () => {
  const calls = new CallsInFlight();
  const [sent, unsent] = [calls.begin("reboot"), calls.begin("ping")];
  sent.markSent();
  calls.lose(new CallError("the agent closed the connection", "connection lost"));
  const first = await assertRejects(() => sent.answer, CallError, "may have been carried out");
  const second = await assertRejects(() => unsent.answer, CallError, "ping had not been sent yet");
  assertEquals([first.wasSent, second.wasSent], [true, false]);
});

Deno.test("a late call says whether the agent reads its requests", () => {
  const call = new CallsInFlight().begin("ping");
  const reason = "no answer to ping within 1.5 s";
  assertEquals(
    call.lateError(1500).message,
    `${reason}: the agent is not reading its requests`,
  );
  call.markSent();
  assertEquals([call.lateError(1500).message, call.lateError(1500).wasSent], [reason, true]);
});

Deno.test("a connection has at most a thousand calls in flight", () => {
  const calls = new CallsInFlight();
  const [first] = Array.from({ length: 1000 }, () => calls.begin("ping"));
  assertThrows(() => calls.begin("ping"), CallError, "1000 calls");
  assert(first !== undefined);
  calls.end(first);
  calls.begin("ping");
});
