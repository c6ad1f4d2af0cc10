import { assertEquals, assertMatch } from "@std/assert";
import { sendCommand } from "../../../lib/monitor/client.ts";
import { TempDirectory } from "../_helpers.ts";
import { ServedMonitor } from "./_socket.ts";

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

Deno.test("sendCommand() answers 103 where there is no socket, or nobody behind it", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("s.sock");
  assertEquals(await sendCommand(path, PING), {
    Status: 103,
    StatusMessage: `Connection error: ${path}: there is no such socket`,
  });
  const listener = Deno.listen({ transport: "unix", path: `${path}.made` });
  await Deno.rename(`${path}.made`, path);
  listener.close();
  assertEquals(
    (await sendCommand(path, PING)).StatusMessage,
    `Connection error: ${path}: nobody serves this socket`,
  );
});

/** What the client makes of a server that says this and closes the connection. */
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
      // The client has had enough.
    }
  })();
  const { Status, StatusMessage } = await sendCommand(path, PING);
  await serving;
  return [Status, StatusMessage];
}

for (
  const [what, text, message] of [
    ["nothing", "", /closed the connection without an answer/],
    ["no JSON", "hello", /no answer of a command monitor/],
    ["half an answer", '{"Status":0', /no answer of a command monitor/],
    ["something else", '{"status":0}', /no answer of a command monitor/],
    ["far too much", "x".repeat(3_000_000), /the answer is over 1048576 bytes/],
  ] as const
) {
  Deno.test(`sendCommand() answers 103 where ${what} comes back`, async () => {
    const [status, said] = await answerTo(text);
    assertEquals(status, 103);
    assertMatch(said, message);
  });
}

Deno.test("sendCommand() answers 103 where no answer comes in time", async () => {
  await using served = await ServedMonitor.start();
  served.monitor.register("agent.Never", () => new Promise(() => {}));
  const answer = await sendCommand(served.path, { Name: "agent.Never" }, { timeoutMs: 50 });
  assertEquals(answer, { Status: 103, StatusMessage: "Connection error: no answer within 50 ms" });
});
