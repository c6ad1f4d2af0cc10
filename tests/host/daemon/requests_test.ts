import { assert, assertEquals } from "@std/assert";
import { until } from "../../_waiting.ts";
import { answerWell, resultLine } from "../_scripted_agent.ts";
import { RawClient, TestHostd } from "./_hostd.ts";

const NO_AGENT = -32010;
const NOT_HERE = -32011;
const CANCELLED = -32012;
const UNKNOWN = -32013;

Deno.test("hostd passes calls to the VM that is named, by its name or its socket", async () => {
  await using hostd = await TestHostd.start("vm1", "vm2");
  hostd.agent("vm2").answerer = (request) =>
    request.method === "ping"
      ? { text: resultLine(request, { pong: true, timestamp: 2 }) }
      : answerWell(request);
  await using client = await RawClient.connect(hostd.socket);
  assertEquals((await client.ask({ method: "ping", vm: "vm1" })).result, {
    pong: true,
    timestamp: 1,
  });
  const { path } = hostd.agent("vm2");
  assertEquals((await client.ask({ method: "ping", vm: path })).result, {
    pong: true,
    timestamp: 2,
  });
});

Deno.test("hostd passes an agent's errors on unchanged", async () => {
  await using hostd = await TestHostd.start("vm1");
  await using client = await RawClient.connect(hostd.socket);
  const { error } = await client.ask({ method: "no_such", vm: "vm1" });
  assertEquals(error, {
    code: -32601,
    message: "Error",
    data: { reason: 'no method "no_such"' },
  });
});

Deno.test("hostd passes an agent's result on as it is written", async () => {
  await using hostd = await TestHostd.start("vm1");
  const { answerer } = hostd.agent("vm1");
  const result = '{"large":9007199254740993,"digits":1.50,"text":"\\u00e9","a": [ ]}';
  hostd.agent("vm1").answerer = (request) =>
    request.method === "ping"
      ? { text: `{"jsonrpc":"2.0","result":${result},"id":"${request.id}"}\n` }
      : answerer(request);
  await using client = await RawClient.connect(hostd.socket);
  await client.request({ method: "ping", vm: "vm1", id: 7 });
  await client.answer(0);
  assertEquals(client.lines, [`{"jsonrpc":"2.0","result":${result},"id":7}`]);
});

Deno.test("hostd understands an agent's answer in any form, and none that is no JSON", async () => {
  await using hostd = await TestHostd.start("vm1");
  const { answerer } = hostd.agent("vm1");
  hostd.agent("vm1").answerer = (request) => {
    if (request.method !== "ping") return answerer(request);
    const id = `"id":"${request.id}"`;
    const lies = ['{"a":1', '1},{"b":1', "01", '"a', ""];
    const lines = lies.map((lie) => `{"jsonrpc":"2.0","result":${lie},${id}}\n`);
    return { text: `${lines.join("")}{ ${id}, "result": {"n": 1}, "jsonrpc": "2.0" }\n` };
  };
  await using client = await RawClient.connect(hostd.socket);
  await client.request({ method: "ping", vm: "vm1", id: 7 });
  await client.answer(0);
  assertEquals(client.lines, ['{"jsonrpc":"2.0","result":{"n":1},"id":7}']);
});

Deno.test("hostd answers with the id as it was sent, even beyond 2^53", async () => {
  await using hostd = await TestHostd.start("vm1");
  await using client = await RawClient.connect(hostd.socket);
  const ids = ["9007199254740993", '"text"', "1.5", "null", "-7", '"\\u0000"'];
  for (const id of ids) {
    await client.send(`{"jsonrpc":"2.0","method":"ping","vm":"vm1","id":${id}}\n`);
  }
  await until(() => client.lines.length === ids.length, "the answers");
  const sent = client.lines.map((line) => /"id":(.*)\}$/.exec(line)?.[1]);
  assertEquals(sent.sort(), ids.sort());
});

Deno.test("hostd's read-only socket lets a client look, and change nothing", async () => {
  await using hostd = await TestHostd.start("vm1");
  await using client = await RawClient.connect(hostd.readOnlySocket);
  assert((await client.ask({ method: "get_system_info", vm: "vm1" })).result !== undefined);
  assert((await client.ask({ method: "vm_list" })).result !== undefined);
  const seen = hostd.agent("vm1").requests.length;
  for (const method of ["exec_command", "file_read", "shutdown", "job_start", "no_such"]) {
    assertEquals((await client.ask({ method, vm: "vm1" })).error?.code, -32001, method);
  }
  assertEquals(hostd.agent("vm1").requests.length, seen);
});

Deno.test("hostd cancels a client's own call only, and tells the agent", async () => {
  await using hostd = await TestHostd.start("vm1");
  const agent = hostd.agent("vm1");
  agent.answerer = () => undefined;
  await using client = await RawClient.connect(hostd.socket);
  await using other = await RawClient.connect(hostd.socket);
  await client.request({ method: "exec_command", vm: "vm1", id: 1 });
  await until(() => agent.requests.some(({ method }) => method === "exec_command"), "the call");
  const refused = await other.ask({ method: "rpc.cancel", params: { id: 1 } });
  assertEquals(refused.result, { cancelled: false });
  await client.request({ method: "rpc.cancel", params: { id: 1 } });
  const { id, error } = await client.answer(0);
  assertEquals([id, error?.code, error?.data.was_sent], [1, CANCELLED, true]);
  await until(() => agent.requests.some(({ method }) => method === "rpc.cancel"), "rpc.cancel");
});

Deno.test("hostd refuses an id that is in flight", async () => {
  await using hostd = await TestHostd.start("vm1");
  hostd.agent("vm1").answerer = () => undefined;
  await using client = await RawClient.connect(hostd.socket);
  await client.request({ method: "ping", vm: "vm1", id: 1 });
  assertEquals((await client.ask({ method: "ping", vm: "vm1", id: 1 })).error?.code, -32600);
  // A string is another id than a number.
  await client.request({ method: "vm_list", id: "1" });
  assert((await client.answer(1)).result !== undefined);
});

Deno.test("hostd tells whether a call was carried out when its VM is lost", async () => {
  await using hostd = await TestHostd.start("vm1");
  const agent = hostd.agent("vm1");
  agent.answerer = (request) =>
    request.method === "shutdown" ? { text: "", hangUp: true } : undefined;
  await using client = await RawClient.connect(hostd.socket);
  const sent = await client.ask({ method: "shutdown", vm: "vm1" });
  assertEquals([sent.error?.code, sent.error?.data.was_sent], [UNKNOWN, true]);
  await Deno.remove(agent.path);
  agent.hangUp();
  await until(async () => {
    const { error } = await client.ask({ method: "shutdown", vm: "vm1" });
    return error?.code === NO_AGENT || error?.code === NOT_HERE;
  }, "the VM to be gone");
});
