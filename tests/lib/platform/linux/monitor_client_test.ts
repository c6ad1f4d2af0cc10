import { assertEquals, assertMatch } from "@std/assert";
import { sendCommand } from "../../../../lib/platform/linux/monitor_client.ts";
import { TempDirectory } from "../../_helpers.ts";
import { ServedMonitor } from "../../monitor/_socket.ts";

const PING = { Name: "agent.Echo", A: "{" };

Deno.test("sendCommand() returns the answer as it came", async () => {
  await using served = await ServedMonitor.start();
  assertEquals(await sendCommand(served.path, PING), {
    Status: 0,
    StatusMessage: "",
    Fields: PING,
  });
  assertEquals((await sendCommand(served.path, { Command: "agent.None" })).Status, 101);
});

Deno.test("sendCommand() answers 103 if there is no socket, or nobody serves it", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("s.sock");
  assertEquals(await sendCommand(path, PING), {
    Status: 103,
    StatusMessage: "Connection error",
    Reason: `${path}: the socket does not exist`,
  });
  const listener = Deno.listen({ transport: "unix", path: `${path}.made` });
  await Deno.rename(`${path}.made`, path);
  listener.close();
  assertEquals(
    (await sendCommand(path, PING)).Reason,
    `${path}: no process serves this socket`,
  );
});

/** The client's answer for a server that sends this and closes the connection. */
async function answerTo(text: string): Promise<readonly [number, string]> {
  await using directory = await TempDirectory.make();
  const path = directory.at("s.sock");
  const listener = Deno.listen({ transport: "unix", path });
  using _listener = listener;
  const serving = (async () => {
    const connection = await listener.accept();
    using _connection = connection;
    await connection.read(new Uint8Array(1024));
    const bytes = new TextEncoder().encode(text);
    try {
      for (let sent = 0; sent < bytes.byteLength;) {
        sent += await connection.write(bytes.subarray(sent));
      }
    } catch {
      // The client has closed the connection.
    }
  })();
  const { Status, Reason } = await sendCommand(path, PING);
  await serving;
  return [Status, String(Reason)];
}

for (
  const [what, text, message] of [
    ["nothing", "", /closed the connection without an answer/],
    ["no JSON", "hello", /the answer is not from a command monitor/],
    ["half an answer", '{"Status":0', /the answer is not from a command monitor/],
    ["something else", '{"status":0}', /the answer is not from a command monitor/],
    ["far too much", "x".repeat(3_000_000), /the answer has more than 1048576 bytes/],
  ] as const
) {
  Deno.test(`sendCommand() answers 103 to ${what}`, async () => {
    const [status, said] = await answerTo(text);
    assertEquals(status, 103);
    assertMatch(said, message);
  });
}

Deno.test("sendCommand() answers 103 if there is no answer in time", async () => {
  await using served = await ServedMonitor.start();
  served.monitor.register("agent.Never", () => new Promise(() => {}));
  const answer = await sendCommand(served.path, { Name: "agent.Never" }, { timeoutMs: 50 });
  assertEquals([answer.Status, answer.Reason], [103, "no answer within 50 ms"]);
});
