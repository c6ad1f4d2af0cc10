import { assertEquals } from "@std/assert";
import { Outbox } from "../../host/outbox.ts";
import { until } from "../_waiting.ts";

/** A connection that takes a few bytes at a time, while it may. */
class Sink {
  text = "";
  isStuck = false;
  #freed = Promise.withResolvers<void>();

  readonly write = async (bytes: Uint8Array): Promise<number> => {
    if (this.isStuck) await this.#freed.promise;
    const part = bytes.subarray(0, 3);
    this.text += new TextDecoder().decode(part);
    return part.byteLength;
  };

  free(): void {
    this.isStuck = false;
    this.#freed.resolve();
  }
}

Deno.test("Outbox writes everything in order, however little the connection takes at a time", async () => {
  const sink = new Sink();
  const outbox = new Outbox(sink.write, () => {});
  for (const text of ["first ", "second ", "third"]) outbox.send(text);
  await until(() => sink.text.endsWith("third"), "all to be written");
  assertEquals(sink.text, "first second third");
});

Deno.test("Outbox writes what is sent in one turn together, up to a limit", async () => {
  const writes: number[] = [];
  const outbox = new Outbox((bytes) => {
    writes.push(bytes.byteLength);
    return Promise.resolve(bytes.byteLength);
  }, () => {});
  const written: string[] = [];
  const last = Promise.withResolvers<void>();
  for (const text of ["a\n", "b\n", "c".repeat(20_000), "d\n"]) {
    const onWritten = () => {
      written.push(text.slice(0, 1));
      if (text === "d\n") last.resolve();
    };
    outbox.send(text, { onSent: () => written.push("begun"), onWritten });
  }
  await last.promise;
  assertEquals(writes, [4, 20_000, 2]);
  assertEquals(written, ["begun", "begun", "a", "b", "begun", "c", "begun", "d"]);
});

Deno.test("Outbox drops what is withdrawn, but never stops within a text", async () => {
  const sink = new Sink();
  sink.isStuck = true;
  const outbox = new Outbox(sink.write, () => {});
  const sent: string[] = [];
  const send = (text: string) => outbox.send(text, { onSent: () => sent.push(text) });
  const withdrawn = send("never ");
  const begun = send("begun ");
  withdrawn();
  await until(() => sent.length > 0, "the writing to begin");
  const waiting = send("waiting ");
  send("kept");
  begun();
  waiting();
  sink.free();
  await until(() => sink.text.endsWith("kept"), "the rest to be written");
  assertEquals(sink.text, "begun kept");
  assertEquals(sent, ["begun ", "kept"]);
});

Deno.test("Outbox reports a broken connection once, and drops what is queued", async () => {
  const faults: unknown[] = [];
  let writes = 0;
  const outbox = new Outbox(() => {
    writes += 1;
    return Promise.reject(new Error("EPIPE"));
  }, (error) => faults.push(error));
  outbox.send("a");
  outbox.send("b");
  await until(() => faults.length > 0, "the fault to be told");
  outbox.send("c");
  await until(() => true, "a turn");
  assertEquals([faults.length, writes], [1, 1]);
});
