/**
 * `agent.SendEvent`: events from programs of the guest for the host.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { sendCommand } from "../../lib/platform/linux/monitor_client.ts";
import { makePaths } from "./_agent.ts";
import { type Host, resultOf } from "./_host.ts";
import { command, Nothing, pipeOf, startMonitored, succeed } from "./_monitor.ts";
import { until } from "../_waiting.ts";

const Event = z.strictObject({
  jsonrpc: z.literal("2.0"),
  method: z.literal("event"),
  params: z.strictObject({
    event: z.string(),
    data: z.unknown(),
    source: z.strictObject({}),
    timestamp: z.int(),
    seq: z.int(),
  }),
});

/** The answer of agent.SendEvent. */
const Sent = z.strictObject({
  Status: z.literal(0),
  StatusMessage: z.literal(""),
  Seq: z.int(),
});

/** The next event that the host receives. */
async function nextEvent(host: Host): Promise<z.output<typeof Event>["params"]> {
  const message = await host.take((one) => JSON.stringify(one).includes('"event"'), "an event");
  return z.parse(Event, message).params;
}

Deno.test("agent.SendEvent sends the host a notification", async () => {
  await using agent = await startMonitored();
  await using host = await agent.connect();
  await host.ping();
  const data = { a: [1, null, "ä"], b: { c: {} } };
  await succeed(agent, "agent.SendEvent", Sent, { Event: "backup.done", Data: data });
  const event = await nextEvent(host);
  assertEquals([event.event, JSON.stringify(event.data)], ["backup.done", JSON.stringify(data)]);
  assert(Math.abs(event.timestamp - Date.now() / 1000) < 60);
  await succeed(agent, "agent.SendEvent", Sent, { Event: "bare" });
  assertEquals((await nextEvent(host)).data, null);
});

Deno.test("agent.SendEvent takes its members in any case", async () => {
  await using agent = await startMonitored();
  await using host = await agent.connect();
  await host.ping();
  const answer = await sendCommand(pipeOf(agent.paths), {
    command: "agent.SendEvent",
    EVENT: "backup.done",
    data: 7,
  });
  const { event, data, seq } = await nextEvent(host);
  assertEquals(answer, { Status: 0, StatusMessage: "", Seq: seq });
  assertEquals([event, data], ["backup.done", 7]);
});

Deno.test("agent.SendEvent sends numbers exactly as written", async () => {
  await using agent = await startMonitored();
  await using host = await agent.connect();
  await host.ping();
  const numbers = "[12345678901234567890,1.50,1e400,-0]";
  const connection = await Deno.connect({ transport: "unix", path: pipeOf(agent.paths) });
  using _connection = connection;
  const request = `{"Name":"agent.SendEvent","Event":"numbers","Data":${numbers}}`;
  await connection.write(new TextEncoder().encode(request));
  await nextEvent(host);
  assert(host.lastLine.includes(`"data":${numbers}`), host.lastLine);
});

Deno.test("agent.SendEvent is refused with 105 and the reason, and nothing is sent:", async (t) => {
  await using agent = await startMonitored({ config: () => ({ max_message_size_kb: 2 }) });
  const cases: readonly (readonly [string, Readonly<Record<string, unknown>>, RegExp])[] = [
    ["no event", {}, /^Event must be a string, but is missing$/],
    ["an empty name", { Event: "" }, /^Event must have at least 1 characters/],
    ["a long name", { Event: "x".repeat(129) }, /^Event must have at most 128 characters/],
    ["a number as name", { Event: 5 }, /^Event must be a string, received 5$/],
    ["an unknown field", { Event: "x", Dat: 1 }, /^Dat is unknown \(did you mean "Data"/],
  ];
  for (const [what, fields, reason] of cases) {
    await t.step(what, async () => {
      const { Status, StatusMessage } = await command(agent, "agent.SendEvent", fields);
      assertEquals(Status, 105);
      assertMatch(StatusMessage, reason);
    });
  }
  await t.step("an event that is too large for one message", async () => {
    await using host = await agent.connect();
    await host.ping();
    const fields = { Event: "x", Data: "y".repeat(2000) };
    const { Status, StatusMessage } = await command(agent, "agent.SendEvent", fields);
    assertEquals(Status, 105);
    assertMatch(StatusMessage, /has \d+ bytes, which exceeds max_message_size_kb \(2048 bytes\)$/);
    await host.ping();
    assertEquals(host.received.length, 1, "agent_ready alone");
  });
});

Deno.test("an event of a megabyte is refused unread, and the next one is taken", async () => {
  await using agent = await startMonitored();
  const fields = { Event: "x", Data: "y".repeat(1_000_000) };
  assertEquals((await command(agent, "agent.SendEvent", fields)).Status, 102);
  await succeed(agent, "agent.SendEvent", Sent, { Event: "x" });
});

Deno.test("twenty events per second are accepted; more are refused, which the journal tells", async () => {
  await using agent = await startMonitored();
  await using host = await agent.connect();
  const answers = await Promise.all(
    Array.from({ length: 300 }, () => command(agent, "agent.SendEvent", { Event: "x" })),
  );
  const sent = answers.filter(({ Status }) => Status === 0).length;
  assert(sent >= 20 && sent < 300, `${sent}`);
  for (const { StatusMessage } of answers.filter(({ Status }) => Status !== 0)) {
    assertMatch(StatusMessage, /^more than 20 agent\.SendEvent per second; retry in \d+ ms$/);
  }
  const Refused = z.looseObject({
    events: z.array(z.looseObject({
      event: z.string(),
      data: z.nullable(z.looseObject({ count: z.optional(z.int()) })),
    })),
  });
  const refused = async () => {
    const answer = resultOf(await host.request("events_read", { types: ["agent"] }), Refused);
    return answer.events.filter(({ event }) => event === "agent.events_refused")
      .reduce((sum, { data }) => sum + (data?.count ?? 0), 0);
  };
  await until(async () => await refused() === 300 - sent, "the journal to count those refused");
});

Deno.test("events for a host that does not read are kept, and the agent's memory stays bounded", async () => {
  await using agent = await startMonitored();
  const host = await Deno.connect({ transport: "unix", path: agent.paths.socket });
  using _host = host;
  await agent.logged(({ message }) => message === "host connected", "the host");
  const Data = "x".repeat(60_000);
  let kept = 0;
  while (kept < 100) {
    const { Status } = await command(agent, "agent.SendEvent", { Event: "x", Data });
    if (Status === 0) kept += 1;
  }
  await succeed(agent, "agent.Ping", Nothing);
});

Deno.test("without a journal of programs' events, they are only sent, and refused without a host", async () => {
  await using agent = await startMonitored({ config: () => ({ events: { sources: ["agent"] } }) });
  const refused = await command(agent, "agent.SendEvent", { Event: "x" });
  assertEquals([refused.Status, refused.StatusMessage], [
    105,
    "the event was not sent: no host is connected",
  ]);
  await using host = await agent.connect();
  await host.ping();
  await succeed(agent, "agent.SendEvent", Nothing, { Event: "x" });
});

Deno.test("on standard input, events are kept while no host is connected, and sent once one is", async () => {
  // A FIFO without a writer is at end of file, like a virtio port without a host.
  const paths = await makePaths();
  const fifo = `${paths.directory}/in`;
  const made = await new Deno.Command("mkfifo", { args: [fifo] }).output();
  assert(made.success);
  await using agent = await startMonitored({
    paths,
    channel: "stdio",
    wrapper: () => ["/bin/sh", "-c", `exec 3<>"$0"; exec 0<"$0" 3>&-; exec "$@"`, fifo],
  });
  const Info = z.looseObject({ Channel: z.looseObject({ Open: z.boolean() }) });
  const isOpen = async () => (await succeed(agent, "agent.GetInfo", Info)).Channel.Open;
  await until(async () => !await isOpen(), "the channel to be closed");
  await succeed(agent, "agent.SendEvent", Sent, { Event: "x" });
  const host = await Deno.open(fifo, { write: true });
  using _host = host;
  await until(isOpen, "the channel to be open, although the host sends nothing");
  await succeed(agent, "agent.SendEvent", Sent, { Event: "back" });
  assertEquals((await nextEvent(agent.stdio)).event, "back");
});
