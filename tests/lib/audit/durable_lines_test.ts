import { assertEquals, assertRejects } from "@std/assert";
import { type DurableFile, DurableLines, openLines } from "../../../lib/audit/durable_lines.ts";
import { TempDirectory } from "../_helpers.ts";

/** A disk in memory whose next steps fail as they are told to. */
class FakeDisk {
  text = "";
  flushes = 0;
  opened = 0;
  closed = 0;
  /** Bytes that there is still room for. */
  room = Infinity;
  failsToFlush = false;

  open = () => {
    this.opened += 1;
    const file: DurableFile = {
      write: (bytes) => {
        if (this.room === 0) return Promise.reject(new Error("No space left"));
        const taken = bytes.subarray(0, Math.min(bytes.byteLength, this.room));
        this.room -= taken.byteLength;
        this.text += new TextDecoder().decode(taken);
        return Promise.resolve(taken.byteLength);
      },
      syncData: () => {
        this.flushes += 1;
        return this.failsToFlush ? Promise.reject(new Error("EIO")) : Promise.resolve();
      },
      close: () => void (this.closed += 1),
    };
    const isTorn = this.text !== "" && !this.text.endsWith("\n");
    return Promise.resolve({ file, isTorn });
  };
}

Deno.test("a line is flushed before its writer goes on", async () => {
  const disk = new FakeDisk();
  const lines = new DurableLines(disk.open);
  await lines.append("one");
  assertEquals([disk.text, disk.flushes], ["one\n", 1]);
  await lines.append("two");
  assertEquals([disk.text, disk.flushes, disk.opened], ["one\ntwo\n", 2, 1]);
  await lines.close();
  assertEquals(disk.closed, 1);
});

Deno.test("lines of the same turn are flushed together, in their order", async () => {
  const disk = new FakeDisk();
  const lines = new DurableLines(disk.open);
  await Promise.all(["a", "b", "c"].map((line) => lines.append(line)));
  assertEquals([disk.text, disk.flushes], ["a\nb\nc\n", 1]);
  await lines.close();
});

Deno.test("held lines count as written, and reach the disk in their order afterwards", async () => {
  const disk = new FakeDisk();
  const lines = new DurableLines(disk.open);
  lines.isHeld = true;
  await lines.append("a");
  await lines.append("b");
  await lines.close();
  assertEquals([disk.text, disk.opened], ["", 0]);
  lines.isHeld = false;
  await lines.append("c");
  assertEquals(disk.text, "a\nb\nc\n");
  await lines.close();
});

Deno.test("the number of held lines is bounded", async () => {
  const lines = new DurableLines(new FakeDisk().open);
  lines.isHeld = true;
  await assertRejects(
    async () => {
      for (let count = 0; count < 1000; count++) await lines.append("line");
    },
    Error,
    "wait for the thaw",
  );
});

Deno.test("a line that is torn by a full disk does not swallow the next", async () => {
  const disk = new FakeDisk();
  const lines = new DurableLines(disk.open);
  await lines.append("whole");
  disk.room = 3;
  await assertRejects(() => lines.append("torn in two"), Error, "No space left");
  await assertRejects(() => lines.append("nothing of it"), Error, "No space left");
  disk.room = Infinity;
  await lines.append("whole again");
  assertEquals(disk.text, "whole\ntor\nwhole again\n");
  assertEquals(disk.opened, disk.closed + 1, "no file is left open");
  await lines.close();
});

Deno.test("a line that cannot be flushed is refused, though it was written", async () => {
  const disk = new FakeDisk();
  const lines = new DurableLines(disk.open);
  disk.failsToFlush = true;
  await assertRejects(() => lines.append("a"), Error, "EIO");
  disk.failsToFlush = false;
  await lines.append("b");
  assertEquals(disk.text, "a\nb\n");
  await lines.close();
});

Deno.test("a file that cannot be opened is tried again with the next line", async () => {
  const disk = new FakeDisk();
  let isMounted = false;
  const lines = new DurableLines(() =>
    isMounted ? disk.open() : Promise.reject(new Error("not mounted"))
  );
  await assertRejects(() => lines.append("a"), Error, "not mounted");
  isMounted = true;
  await lines.append("b");
  assertEquals(disk.text, "b\n");
  await lines.close();
});

Deno.test("a real file is made for owner and group, appended to, and its torn end is mended", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("audit");
  const first = new DurableLines(() => openLines(path));
  await first.append("one");
  await first.close();
  assertEquals((await Deno.stat(path)).mode! & 0o007, 0);
  await Deno.writeTextFile(path, '{"half', { append: true });
  const second = new DurableLines(() => openLines(path));
  await second.append("two");
  await second.close();
  assertEquals(await Deno.readTextFile(path), 'one\n{"half\ntwo\n');
});

Deno.test("a real file that ends with a whole line is continued on the next one", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("audit");
  const lines = new DurableLines(() => openLines(path));
  for (const line of ["one", "two"]) {
    await lines.append(line);
    await lines.close();
  }
  assertEquals(await Deno.readTextFile(path), "one\ntwo\n");
});

Deno.test("a file that was moved goes on being written until it is closed", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("audit");
  const lines = new DurableLines(() => openLines(path));
  await lines.append("before");
  await Deno.rename(path, `${path}.1`);
  await lines.close();
  await lines.append("after");
  await lines.close();
  assertEquals(await Deno.readTextFile(`${path}.1`), "before\n");
  assertEquals(await Deno.readTextFile(path), "after\n");
});
