import { assertEquals, assertThrows } from "@std/assert";
import {
  type Conversation,
  type HostEvent,
  HostUnreachableError,
} from "../../../lib/channel/dialect.ts";
import { HostLink, type LinkWriter } from "../../../lib/channel/host_link.ts";

/** A conversation that keeps the events it is given. */
class RecordingConversation implements Conversation {
  readonly events: HostEvent[] = [];
  greet = () => undefined;
  onBytes = () => {};
  onEvent = (event: HostEvent) => void this.events.push(event);
  isTakenOverSince = () => false;
  abandon = () => {};
  drained = () => Promise.resolve();
}

class FakeWriter implements LinkWriter {
  isCongested = false;
  writtenBytes = 0;
}

const EVENT = { name: "event", params: { data: 1 } };
const refusal = (link: HostLink) =>
  assertThrows(() => link.notify(EVENT), HostUnreachableError).message;

Deno.test("notify() tells the host that is served", () => {
  const link = new HostLink();
  const conversation = new RecordingConversation();
  link.open(conversation, new FakeWriter());
  link.notify(EVENT);
  assertEquals(conversation.events, [EVENT]);
});

Deno.test("notify() throws if nobody would read it, and keeps nothing for later", () => {
  const link = new HostLink();
  const [writer, conversation] = [new FakeWriter(), new RecordingConversation()];
  assertEquals([link.isOpen, refusal(link)], [false, "no host is connected"]);
  link.open(conversation, writer);
  link.hostLeft(conversation);
  assertEquals([link.isOpen, refusal(link)], [false, "the host has closed the channel"]);
  link.hostCame();
  writer.isCongested = true;
  assertEquals([link.isOpen, refusal(link)], [true, "the host is not reading"]);
  writer.isCongested = false;
  link.close(writer);
  assertEquals(refusal(link), "no host is connected");
  assertEquals(conversation.events, []);
});

Deno.test("notify() tells the next host, not the one that has left", () => {
  const link = new HostLink();
  const [first, second] = [new RecordingConversation(), new RecordingConversation()];
  link.open(first, new FakeWriter());
  link.hostLeft(second);
  link.hostCame();
  link.notify(EVENT);
  assertEquals([first.events.length, second.events.length], [0, 1]);
});

Deno.test("a connection after one whose host was away is open", () => {
  const link = new HostLink();
  const conversation = new RecordingConversation();
  link.open(conversation, new FakeWriter());
  link.hostLeft(conversation);
  link.open(conversation, new FakeWriter());
  assertEquals(link.isOpen, true);
});

Deno.test("the end of a connection that another has followed changes nothing", () => {
  const link = new HostLink();
  const conversation = new RecordingConversation();
  const [first, second] = [new FakeWriter(), new FakeWriter()];
  link.open(conversation, first);
  link.close(first);
  link.open(conversation, second);
  link.close(first);
  assertEquals(link.isOpen, true);
});

Deno.test("bytes are counted over all connections", () => {
  const link = new HostLink();
  for (const bytes of [10, 20]) {
    const writer = new FakeWriter();
    link.open(new RecordingConversation(), writer);
    writer.writtenBytes = bytes;
    link.countReceived(bytes * 2);
    if (bytes === 10) link.close(writer);
  }
  assertEquals([link.sentBytes, link.receivedBytes], [30, 60]);
});
