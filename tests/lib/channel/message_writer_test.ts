import { assert, assertEquals } from "@std/assert";
import { UnescapedBytes } from "../../../lib/base/json_text.ts";
import type { Part } from "../../../lib/channel/dialect.ts";
import { MessageWriter } from "../../../lib/channel/message_writer.ts";
import { FakeConnection } from "./_fake_connection.ts";
import { within } from "../../_waiting.ts";

function writerTo(connection: FakeConnection): { writer: MessageWriter; broken: unknown[] } {
  const broken: unknown[] = [];
  return { writer: new MessageWriter(connection, (error) => broken.push(error)), broken };
}

const sendLine = (writer: MessageWriter, ...parts: readonly Part[]) => writer.send(...parts, "\n");

Deno.test("MessageWriter keeps the order of messages", async () => {
  const connection = new FakeConnection("over");
  const { writer } = writerTo(connection);
  void sendLine(writer, "one");
  await sendLine(writer, "zwölf €");
  await sendLine(writer, "three");
  assertEquals(connection.text, "one\nzwölf €\nthree\n");
});

Deno.test("MessageWriter sends the parts of a message one after the other, text and bytes", async () => {
  const connection = new FakeConnection("over");
  const { writer } = writerTo(connection);
  const bytes = new TextEncoder().encode("b".repeat(200_000));
  void sendLine(writer, "before");
  await sendLine(writer, "ä[", bytes, "]");
  await sendLine(writer, bytes.subarray(0, 2));
  assertEquals(connection.lines, ["before", `ä[${"b".repeat(200_000)}]`, "bb"]);
  assertEquals(writer.isCongested, false);
});

Deno.test("MessageWriter sends what is answered in the same turn in one write", async () => {
  const connection = new FakeConnection("over");
  const { writer } = writerTo(connection);
  await Promise.all(Array.from({ length: 100 }, (_, i) => sendLine(writer, `${i}`)));
  assertEquals(connection.writes, 1);
  assertEquals(connection.lines.length, 100);
});

Deno.test("MessageWriter keeps the order of short texts, long ones and bytes in one write", async () => {
  const connection = new FakeConnection("over");
  const { writer } = writerTo(connection);
  const parts = ["a", "ü".repeat(4000), "b", "c".repeat(4096), "d", "e".repeat(5000), "f"];
  const bytes = new TextEncoder().encode("g");
  for (const part of parts) void writer.send(part);
  void writer.send("h", bytes, "", "i");
  await writer.send("");
  await writer.flush();
  assertEquals(connection.text, `${parts.join("")}hgi`);
  assertEquals(connection.writes, 1);
  assertEquals(writer.isCongested, false);
});

Deno.test("MessageWriter goes on until a write that takes little has taken all", async () => {
  const connection = new FakeConnection("over");
  connection.mostBytes = 3;
  const { writer } = writerTo(connection);
  await Promise.all([sendLine(writer, "first message"), sendLine(writer, "zweite Nachricht: äöü")]);
  assertEquals(connection.text, "first message\nzweite Nachricht: äöü\n");
});

Deno.test("MessageWriter's send() resolves when the message has been written", async () => {
  const connection = new FakeConnection("over");
  connection.block();
  const { writer } = writerTo(connection);
  let hasLeft = false;
  const sent = sendLine(writer, "one").then(() => hasLeft = true);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assertEquals(hasLeft, false);
  connection.unblock();
  await within(sent, "the write");
  assertEquals(connection.text, "one\n");
});

Deno.test("MessageWriter sends in the next write what comes during one", async () => {
  const connection = new FakeConnection("over");
  connection.block();
  const { writer } = writerTo(connection);
  const first = sendLine(writer, "one");
  for (let i = 0; i < 10; i++) await Promise.resolve();
  const later = [sendLine(writer, "two"), sendLine(writer, "three")];
  connection.unblock();
  await Promise.all([first, ...later]);
  assertEquals(connection.lines, ["one", "two", "three"]);
  assertEquals(connection.writes, 2);
});

Deno.test("MessageWriter holds what it has not begun to write, and sends it in order when released", async () => {
  const connection = new FakeConnection("over");
  connection.block();
  const { writer } = writerTo(connection);
  const sent: string[] = [];
  const send = (text: string) => sendLine(writer, text).then(() => sent.push(text));
  const all = [send("begun")];
  for (let i = 0; i < 10; i++) await Promise.resolve();
  all.push(send("queued"));
  writer.hold(() => all.push(send("first")));
  all.push(send("later"));
  connection.unblock();
  await within(connection.received(2), "what is not held");
  await writer.flush();
  assertEquals([connection.lines, sent], [["begun", "first"], ["begun", "first"]]);
  writer.release();
  await Promise.all(all);
  assertEquals(connection.lines, ["begun", "first", "queued", "later"]);
  assertEquals(sent, connection.lines);
});

Deno.test("MessageWriter counts what it holds, and drops it when told", async () => {
  const connection = new FakeConnection("over");
  const { writer } = writerTo(connection);
  writer.hold(() => {});
  const bytes = new UnescapedBytes(new Uint8Array(70_000), () => released += 1);
  let released = 0;
  const sent = writer.send(bytes, "\n");
  assertEquals([writer.isCongested, released], [true, 0]);
  writer.dropHeld();
  await within(sent, "the send that was dropped");
  assertEquals([writer.isCongested, released], [false, 1]);
  await sendLine(writer, "next");
  assertEquals(connection.lines, ["next"]);
});

Deno.test("MessageWriter is congested while more than 64 K characters wait", async () => {
  const connection = new FakeConnection("over");
  connection.block();
  const { writer } = writerTo(connection);
  assertEquals(writer.isCongested, false);
  void sendLine(writer, "x".repeat(60_000));
  assertEquals(writer.isCongested, false);
  void sendLine(writer, "x".repeat(60_000));
  assertEquals(writer.isCongested, true);
  connection.unblock();
  await writer.flush();
  assertEquals(writer.isCongested, false);
  assertEquals(connection.lines.length, 2);
});

Deno.test("MessageWriter's flush() resolves when nothing waits", async () => {
  const connection = new FakeConnection("over");
  const { writer } = writerTo(connection);
  await writer.flush();
  void sendLine(writer, "one");
  const flushed = writer.flush();
  void sendLine(writer, "two");
  await flushed;
  assertEquals(connection.lines, ["one", "two"]);
});

Deno.test("MessageWriter drops messages once the host is gone, and tells it once", async () => {
  const connection = new FakeConnection("over");
  const { writer, broken } = writerTo(connection);
  connection.writeError = new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
  await Promise.all([sendLine(writer, "one"), sendLine(writer, "two")]);
  assertEquals(broken, [connection.writeError]);
  connection.writeError = undefined;
  await sendLine(writer, "x".repeat(100_000));
  await writer.flush();
  assertEquals([connection.text, writer.isCongested, broken.length], ["", false, 1]);
});

Deno.test("MessageWriter forgets what waits when a write in the middle of a message fails", async () => {
  const connection = new FakeConnection("over");
  connection.mostBytes = 4;
  const { writer, broken } = writerTo(connection);
  const first = sendLine(writer, "a message");
  while (connection.writes === 0) await Promise.resolve();
  connection.writeError = new Error("gone");
  const later = sendLine(writer, "x".repeat(100_000));
  await within(Promise.all([first, later, writer.flush()]), "both");
  assertEquals(connection.text.startsWith("a me"), true);
  assertEquals(broken.length, 1);
  assert(!writer.isCongested);
});

Deno.test("MessageWriter drops what waits when told to, and ends the line it was in", async () => {
  const connection = new FakeConnection("host away");
  const { writer } = writerTo(connection);
  connection.block();
  // The buffer holds 64 KiB: the first write leaves the line unfinished.
  void sendLine(writer, "a".repeat(100_000));
  void sendLine(writer, "owed to the host that left");
  for (let i = 0; i < 10; i++) await Promise.resolve();
  writer.discard();
  const next = sendLine(writer, "for the next host");
  connection.unblock();
  await within(next, "the next message");
  await writer.flush();
  const [cut = "", ...lines] = connection.lines;
  assertEquals([cut.length < 100_000, lines], [true, ["for the next host"]]);
  assertEquals(writer.isCongested, false);
});

Deno.test("MessageWriter adds nothing after a whole line when what waits is dropped", async () => {
  const connection = new FakeConnection("host away");
  const { writer } = writerTo(connection);
  connection.block();
  void sendLine(writer, "whole");
  for (let i = 0; i < 10; i++) await Promise.resolve();
  writer.discard();
  void sendLine(writer, "next");
  connection.unblock();
  await writer.flush();
  assertEquals(connection.text, "whole\nnext\n");
});

Deno.test("MessageWriter releases lent bytes once they are copied, or dropped", async () => {
  const connection = new FakeConnection("host away");
  const { writer } = writerTo(connection);
  const released: string[] = [];
  const lent = (name: string, size: number) =>
    new UnescapedBytes(new Uint8Array(size).fill(0x61), () => released.push(name));
  connection.block();
  void sendLine(writer, lent("copied", 10));
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assertEquals(released, ["copied"]);
  void sendLine(writer, lent("waiting", 10));
  writer.discard();
  assertEquals(released, ["copied", "waiting"]);
  connection.unblock();
  await writer.flush();
  connection.writeError = new Error("gone");
  await sendLine(writer, lent("too large for the buffer", 200_000));
  await sendLine(writer, lent("after the end", 10));
  assertEquals(released, ["copied", "waiting", "too large for the buffer", "after the end"]);
});

Deno.test("MessageWriter releases lent bytes when their write has begun, not before", async () => {
  const events: string[] = [];
  const sink = {
    write: (bytes: Uint8Array) => {
      events.push("write");
      return Promise.resolve(bytes.byteLength);
    },
  };
  const writer = new MessageWriter(sink, () => events.push("broken"));
  const lent = (size: number) =>
    new UnescapedBytes(new Uint8Array(size).fill(0x61), () => events.push(`release ${size}`));
  void sendLine(writer, lent(30_000));
  await sendLine(writer, lent(40_000));
  assertEquals(events, ["write", "release 30000", "write", "release 40000"]);
});

Deno.test("MessageWriter's send() does not wait for what is sent later, nor for a host that left", async () => {
  const connection = new FakeConnection("host away");
  const { writer } = writerTo(connection);
  const answer = sendLine(writer, "answer");
  await within(answer, "the answer");
  connection.block();
  const unread = sendLine(writer, "unread");
  for (let i = 0; i < 10; i++) await Promise.resolve();
  const queued = sendLine(writer, "queued");
  writer.discard();
  void sendLine(writer, "a greeting that waits for the next host");
  await within(Promise.all([unread, queued]), "what was dropped");
  connection.unblock();
  await writer.flush();
});
