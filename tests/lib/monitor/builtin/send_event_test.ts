import { assertEquals, assertThrows } from "@std/assert";
import { sendEvent } from "../../../../lib/monitor/builtin/send_event.ts";
import { readCommand } from "../../../../lib/monitor/command_request.ts";
import { CommandError } from "../../../../lib/monitor/monitor.ts";
import { NEVER } from "../../_helpers.ts";

/** Runs agent.SendEvent; returns the notification's parameters. */
function send(members: string, notifyHost = (_params: unknown) => {}) {
  const sent: Readonly<Record<string, unknown>>[] = [];
  const handler = sendEvent({
    isConfined: true,
    channelName: "test",
    host: { isOpen: true, receivedBytes: 0, sentBytes: 0 },
    counters: { methods: new Map(), rejected: 0, malformed: 0 },
    inFlight: () => 0,
    notifyHost: (params) => {
      notifyHost(params);
      sent.push(params);
    },
    reload: () => Promise.reject(new Error("not part of this test")),
  });
  const text = `{"Name":"agent.SendEvent"${members === "" ? "" : ","}${members}}`;
  const answer = handler(readCommand(text), { signal: NEVER });
  return { answer, sent };
}

Deno.test("agent.SendEvent notifies the host with name, data, source and the time in seconds", () => {
  const before = Math.floor(Date.now() / 1000);
  const { answer, sent } = send('"Event":"backup.done","Data":{"files":3}');
  const after = Math.floor(Date.now() / 1000);
  assertEquals(answer, { Status: 0, StatusMessage: "" });
  const [{ timestamp, ...rest } = {}, ...more] = sent;
  assertEquals(more, []);
  assertEquals(rest, { event: "backup.done", data: { files: 3 }, source: {} });
  assertEquals(Number(timestamp) >= before && Number(timestamp) <= after, true);
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
  Deno.test(`agent.SendEvent sends ${data} as data for {${members}}`, () => {
    assertEquals(JSON.stringify(send(members).sent[0]?.data), data);
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
  Deno.test(`agent.SendEvent refuses an event: ${reason}`, () => {
    assertThrows(() => send(members), CommandError, reason);
  });
}

Deno.test("agent.SendEvent passes on why the event cannot be sent now", () => {
  const noHost = () => {
    throw new CommandError("no host is connected");
  };
  assertThrows(() => send('"Event":"e"', noHost), CommandError, "no host is connected");
});
