import { assertEquals } from "@std/assert";
import * as z from "zod";
import { TempDirectory } from "../../../_helpers.ts";
import { runTestScript } from "../../../../_deno.ts";

const SIZE = 30_000;
const LENGTH = 3000;

/** See `_keep.ts`. */
type Step =
  | "sent"
  | "cancelled"
  | "held"
  | "replaced"
  | { ahead: number; length: number }
  | { read: number; length: number }
  | { together: number[]; length: number }
  | { beside: number; length: number }
  | { fill: number };

const Outcome = z.strictObject({ texts: z.array(z.string()), opened: z.int() });

const piece = (index: number): Step => ({ read: index * LENGTH, length: LENGTH });

/** Runs steps with a file that has been the same for long. */
async function run(steps: readonly Step[]) {
  await using directory = await TempDirectory.make();
  const file = crypto.getRandomValues(new Uint8Array(SIZE));
  const path = directory.at("file");
  await Deno.writeFile(path, file);
  const { code, stdout, stderr } = await runTestScript("lib/platform/linux/files/_keep.ts", {
    flags: ["--allow-all"],
    args: [JSON.stringify({ path, root: directory.path, steps })],
  });
  assertEquals([code, stderr], [0, ""]);
  return { ...z.parse(Outcome, JSON.parse(stdout)), file };
}

async function pieces(steps: readonly Step[]) {
  const { texts, opened, file } = await run(steps);
  return { read: texts.map((text) => Uint8Array.fromBase64(text)), opened, file };
}

Deno.test("base64 of a piece stays what it is until its answer has left", async () => {
  const { read, file } = await pieces([piece(0), "sent", piece(1), piece(2), piece(3)]);
  for (const [index, bytes] of read.entries()) {
    assertEquals(bytes, file.slice(index * LENGTH, (index + 1) * LENGTH), `piece ${index}`);
  }
});

Deno.test("a piece that was read ahead is read again when the file has been written to", async () => {
  const { read } = await pieces([piece(0), "sent", { fill: 7 }, piece(1)]);
  assertEquals(read[1], new Uint8Array(LENGTH).fill(7));
});

Deno.test("what was read ahead serves a shorter piece, and no longer one", async () => {
  for (const length of [0, 1, LENGTH - 1, LENGTH, LENGTH + 1, SIZE]) {
    const { read, file } = await pieces([piece(0), "sent", { read: LENGTH, length }]);
    assertEquals(read[1], file.slice(LENGTH, LENGTH + length), `${length} bytes`);
  }
});

Deno.test("a piece from elsewhere is not taken for what was read ahead", async () => {
  const { read, file } = await pieces([piece(0), "sent", piece(5), "sent", piece(1)]);
  assertEquals(read[1], file.slice(5 * LENGTH, 6 * LENGTH));
  assertEquals(read[2], file.slice(LENGTH, 2 * LENGTH));
});

Deno.test("pieces that are requested at the same time use one open file, in order", async () => {
  const order = [3, 0, 1, 2, 4];
  const together = order.map((index) => index * LENGTH);
  for (const earlier of [[], [piece(5), "sent" as const]]) {
    const { read, opened, file } = await pieces([...earlier, { together, length: LENGTH }]);
    assertEquals(opened, 1);
    assertEquals(
      read.slice(-order.length),
      together.map((offset) => file.slice(offset, offset + LENGTH)),
    );
  }
});

Deno.test("a piece does not wait for a file that is not given back", async () => {
  const { read, opened, file } = await pieces([
    { beside: LENGTH, length: LENGTH },
    "sent",
    piece(2),
  ]);
  assertEquals(opened, 2);
  assertEquals(read, [file.slice(LENGTH, 2 * LENGTH), file.slice(2 * LENGTH, 3 * LENGTH)]);
});

Deno.test("a request that waits for a file can be cancelled, and the next one gets the file", async () => {
  const { texts, opened } = await run(["cancelled", piece(0), "sent"]);
  assertEquals([texts[0], opened], ["Error: cancelled", 1]);
});

Deno.test("a piece that was read ahead is taken without opening the file, and the next one after it", async () => {
  const ahead = (index: number): Step => ({ ahead: index * LENGTH, length: LENGTH });
  const { read, opened, file } = await pieces([
    piece(0),
    "sent",
    ahead(1),
    "sent",
    ahead(2),
    "sent",
    ahead(3),
    "sent",
  ]);
  assertEquals(opened, 1);
  assertEquals(read, [0, 1, 2, 3].map((index) => file.slice(index * LENGTH, (index + 1) * LENGTH)));
});

Deno.test("a file is not open again while it is in use, or when its name stands for another", async () => {
  const { texts } = await run([piece(0), "sent", "held", "replaced"]);
  assertEquals(texts.slice(1), ["not open", "not open"]);
});
