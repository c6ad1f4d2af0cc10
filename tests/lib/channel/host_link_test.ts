import { assertEquals, assertThrows } from "@std/assert";
import { HostLink, HostUnreachableError, type LinkWriter } from "../../../lib/channel/host_link.ts";

/** A writer that keeps what it is given. */
class RecordingWriter implements LinkWriter {
  readonly sent: string[] = [];
  isCongested = false;
  writtenBytes = 0;

  send(text: string): Promise<void> {
    this.sent.push(text);
    this.writtenBytes += text.length;
    return Promise.resolve();
  }
}

const refusal = (link: HostLink, limitBytes = 1000) =>
  assertThrows(() => link.notify("event", {}, limitBytes), HostUnreachableError).message;

Deno.test("notify() sends one notification to the host that is served", () => {
  const link = new HostLink();
  const writer = new RecordingWriter();
  link.open(writer);
  link.notify("event", { data: 1 }, 1000);
  assertEquals(writer.sent, ['{"jsonrpc":"2.0","method":"event","params":{"data":1}}']);
});

Deno.test("notify() throws where nobody would read it, and keeps nothing for later", () => {
  const link = new HostLink();
  const writer = new RecordingWriter();
  assertEquals([link.isOpen, refusal(link)], [false, "no host is connected"]);
  link.open(writer);
  link.hostLeft();
  assertEquals([link.isOpen, refusal(link)], [false, "the host has closed the channel"]);
  link.hostCame();
  writer.isCongested = true;
  assertEquals([link.isOpen, refusal(link)], [true, "the host does not read what was sent to it"]);
  writer.isCongested = false;
  link.close(writer);
  assertEquals(refusal(link), "no host is connected");
  assertEquals(writer.sent, []);
});

Deno.test("notify() throws for a message that has one byte more than the limit", () => {
  const link = new HostLink();
  link.open(new RecordingWriter());
  const bytes = new TextEncoder().encode('{"jsonrpc":"2.0","method":"e","params":"ä"}').byteLength;
  link.notify("e", "ä", bytes);
  assertThrows(() => link.notify("e", "ä", bytes - 1), HostUnreachableError, `has ${bytes} bytes`);
});

Deno.test("a host that comes after one that was away is there", () => {
  const link = new HostLink();
  link.open(new RecordingWriter());
  link.hostLeft();
  link.open(new RecordingWriter());
  assertEquals(link.isOpen, true);
});

Deno.test("the end of a session that another has followed changes nothing", () => {
  const link = new HostLink();
  const [first, second] = [new RecordingWriter(), new RecordingWriter()];
  link.open(first);
  link.close(first);
  link.open(second);
  link.close(first);
  assertEquals(link.isOpen, true);
});

Deno.test("bytes are counted over all sessions", () => {
  const link = new HostLink();
  for (const bytes of [10, 20]) {
    const writer = new RecordingWriter();
    link.open(writer);
    writer.writtenBytes = bytes;
    link.countReceived(bytes * 2);
    if (bytes === 10) link.close(writer);
  }
  assertEquals([link.sentBytes, link.receivedBytes], [30, 60]);
});
