import { assertEquals, assertRejects } from "@std/assert";
import { sendEvent } from "../../../../lib/monitor/builtin/send_event.ts";
import type { ProgramEvent } from "../../../../lib/monitor/context.ts";
import { readCommand } from "../../../../lib/monitor/command_request.ts";
import { CommandError } from "../../../../lib/monitor/monitor.ts";
import { NEVER } from "../../_helpers.ts";

/** Runs agent.SendEvent; returns what was sent. */
async function send(members: string, keep: () => number | undefined = () => 7) {
  const sent: ProgramEvent[] = [];
  const handler = sendEvent({
    isConfined: true,
    channelName: "test",
    host: { isOpen: true, receivedBytes: 0, sentBytes: 0 },
    counters: { methods: new Map(), rejected: 0, malformed: 0 },
    inFlight: () => 0,
    sendEvent: (event) => {
      sent.push(event);
      return Promise.try(keep);
    },
    eventRefused: () => {},
    reload: () => Promise.reject(new Error("not part of this test")),
  });
  const text = `{"Name":"agent.SendEvent"${members === "" ? "" : ","}${members}}`;
  const answer = await handler(readCommand(text), { signal: NEVER });
  return { answer, sent };
}

Deno.test("agent.SendEvent sends name and data, and answers with the event's number", async () => {
  const { answer, sent } = await send('"Event":"backup.done","Data":{"files":3}');
  assertEquals(answer, { Status: 0, StatusMessage: "", Seq: 7 });
  assertEquals(sent, [{ event: "backup.done", data: { files: 3 } }]);
});

Deno.test("agent.SendEvent answers without a number if no journal keeps the event", async () => {
  const { answer } = await send('"Event":"e"', () => undefined);
  assertEquals(answer, { Status: 0, StatusMessage: "" });
});

for (
  const [members, data] of [
    ['"Event":"e"', "null"],
    ['"Event":"e","Data":null', "null"],
    ['"Event":"e","Data":0', "0"],
    ['"Event":"e","Data":""', '""'],
    ['"Event":"e","data":1.50', "1.50"],
    ['"EVENT":"e","DATA":[12345678901234567890]', "[12345678901234567890]"],
  ] as const
) {
  Deno.test(`agent.SendEvent sends ${data} as data for {${members}}`, async () => {
    assertEquals(JSON.stringify((await send(members)).sent[0]?.data), data);
  });
}

for (
  const [members, reason] of [
    ["", "Event must be a string, but is missing"],
    ['"Event":""', "Event must have at least 1 characters"],
    [`"Event":"${"x".repeat(129)}"`, "Event must have at most 128 characters"],
    ['"Event":"e","Other":1', "Other is unknown"],
    [`"Event":"e","Data":${"[".repeat(50_000)}${"]".repeat(50_000)}`, "nested too deeply"],
  ] as const
) {
  Deno.test(`agent.SendEvent refuses an event: ${reason}`, async () => {
    await assertRejects(() => send(members), CommandError, reason);
  });
}

Deno.test("agent.SendEvent passes on why the event cannot be sent now", async () => {
  const noHost = () => {
    throw new CommandError("no host is connected");
  };
  await assertRejects(() => send('"Event":"e"', noHost), CommandError, "no host is connected");
});
