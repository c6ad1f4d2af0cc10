import { assert, assertEquals } from "@std/assert";
import { MessageWriter } from "../../../lib/channel/message_writer.ts";
import { FakeConnection } from "./_fake_connection.ts";
import { within } from "../../_waiting.ts";

function writerTo(connection: FakeConnection): { writer: MessageWriter; broken: unknown[] } {
  const broken: unknown[] = [];
  return { writer: new MessageWriter(connection, (error) => broken.push(error)), broken };
}

Deno.test("MessageWriter ends each message with a newline and keeps their order", async () => {
  const connection = new FakeConnection("over");
  const { writer } = writerTo(connection);
  void writer.send("one");
  await writer.send("zwölf €");
  await writer.send("three");
  assertEquals(connection.text, "one\nzwölf €\nthree\n");
});

Deno.test("MessageWriter sends a message in parts as one line, text and bytes", async () => {
  const connection = new FakeConnection("over");
  const { writer } = writerTo(connection);
  const bytes = new TextEncoder().encode("b".repeat(200_000));
  void writer.send("before");
  await writer.send("ä[", bytes, "]");
  await writer.send(bytes.subarray(0, 2));
  assertEquals(connection.lines, ["before", `ä[${"b".repeat(200_000)}]`, "bb"]);
  assertEquals(writer.isCongested, false);
});

Deno.test("MessageWriter sends what is answered in the same turn in one write", async () => {
  const connection = new FakeConnection("over");
  const { writer } = writerTo(connection);
  await Promise.all(Array.from({ length: 100 }, (_, i) => writer.send(`${i}`)));
  assertEquals(connection.writes, 1);
  assertEquals(connection.lines.length, 100);
});

Deno.test("MessageWriter goes on until a write that takes little has taken all", async () => {
  const connection = new FakeConnection("over");
  connection.mostBytes = 3;
  const { writer } = writerTo(connection);
  await Promise.all([writer.send("first message"), writer.send("zweite Nachricht: äöü")]);
  assertEquals(connection.text, "first message\nzweite Nachricht: äöü\n");
});

Deno.test("MessageWriter's send() resolves when the message has been written", async () => {
  const connection = new FakeConnection("over");
  connection.block();
  const { writer } = writerTo(connection);
  let hasLeft = false;
  const sent = writer.send("one").then(() => hasLeft = true);
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
  const first = writer.send("one");
  for (let i = 0; i < 10; i++) await Promise.resolve();
  const later = [writer.send("two"), writer.send("three")];
  connection.unblock();
  await Promise.all([first, ...later]);
  assertEquals(connection.lines, ["one", "two", "three"]);
  assertEquals(connection.writes, 2);
});

Deno.test("MessageWriter is congested while more than 64 K characters wait", async () => {
  const connection = new FakeConnection("over");
  connection.block();
  const { writer } = writerTo(connection);
  assertEquals(writer.isCongested, false);
  void writer.send("x".repeat(60_000));
  assertEquals(writer.isCongested, false);
  void writer.send("x".repeat(60_000));
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
  void writer.send("one");
  const flushed = writer.flush();
  void writer.send("two");
  await flushed;
  assertEquals(connection.lines, ["one", "two"]);
});

Deno.test("MessageWriter drops messages once the host is gone, and tells it once", async () => {
  const connection = new FakeConnection("over");
  const { writer, broken } = writerTo(connection);
  connection.writeError = new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
  await Promise.all([writer.send("one"), writer.send("two")]);
  assertEquals(broken, [connection.writeError]);
  connection.writeError = undefined;
  await writer.send("x".repeat(100_000));
  await writer.flush();
  assertEquals([connection.text, writer.isCongested, broken.length], ["", false, 1]);
});

Deno.test("MessageWriter forgets what waits when a write in the middle of a message fails", async () => {
  const connection = new FakeConnection("over");
  connection.mostBytes = 4;
  const { writer, broken } = writerTo(connection);
  const first = writer.send("a message");
  while (connection.writes === 0) await Promise.resolve();
  connection.writeError = new Error("gone");
  const later = writer.send("x".repeat(100_000));
  await within(Promise.all([first, later, writer.flush()]), "both");
  assertEquals(connection.text.startsWith("a me"), true);
  assertEquals(broken.length, 1);
  assert(!writer.isCongested);
});
