import { assertEquals, assertRejects } from "@std/assert";
import { LineReader } from "../../host/line_reader.ts";

const MAX_LINE_BYTES = 1024;

/** Reads from chunks that are there; then it is the end. */
function from(chunks: readonly string[]) {
  const left = chunks.map((text) => new TextEncoder().encode(text));
  return (buffer: Uint8Array): Promise<number | null> => {
    const chunk = left.shift();
    if (chunk === undefined) return Promise.resolve(null);
    buffer.set(chunk);
    return Promise.resolve(chunk.byteLength);
  };
}

Deno.test("LineReader passes on each line, and tells of those that it skips", async () => {
  const lines: string[] = [];
  let skipped = 0;
  const chunks = ["first\nsec", "ond\n", `${"x".repeat(MAX_LINE_BYTES + 2)}\n`, "third\nrest"];
  const onLine = (line: string) => lines.push(line) > 0;
  const reader = new LineReader(from(chunks), MAX_LINE_BYTES, onLine, () => skipped += 1);
  await reader.readAll();
  assertEquals(lines, ["first", "second", "third"]);
  assertEquals(skipped, 1);
});

Deno.test("LineReader reads what was asked for at once, and a flood of the rest slowly", async () => {
  // More than a second's worth of unsolicited lines.
  const chunks = Array.from({ length: 3 }, () => "x\n".repeat(1000));
  for (const [isAsked, isSlow] of [[true, false], [false, true]] as const) {
    const reader = new LineReader(from(chunks), MAX_LINE_BYTES, () => isAsked, () => {});
    let hasEnded = false;
    const reading = reader.readAll().then(() => hasEnded = true);
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    assertEquals(hasEnded, !isSlow);
    // Ends a pause of seconds.
    reader.stop();
    await reading;
  }
});

Deno.test("LineReader ends with the error of a read", async () => {
  const read = () => Promise.reject(new Error("ECONNRESET"));
  const reader = new LineReader(read, MAX_LINE_BYTES, () => true, () => {});
  await assertRejects(() => reader.readAll(), Error, "ECONNRESET");
});
