import { assertEquals } from "@std/assert";
import { NulReader } from "../../../../../lib/platform/linux/processes/nul_reader.ts";

/** A byte stream that delivers these pieces one at a time. */
function streamOf(pieces: readonly string[]) {
  const state = { isCancelled: false };
  const unsent = pieces.map((piece) => new TextEncoder().encode(piece));
  const stream = new ReadableStream({
    type: "bytes",
    pull: (controller) => {
      const bytes = unsent.shift();
      if (bytes !== undefined) return controller.enqueue(bytes);
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel: () => void (state.isCancelled = true),
  });
  return { stream, state };
}

const reader = (...pieces: string[]) => new NulReader(streamOf(pieces).stream);
const decode = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

async function allOf(one: NulReader): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  do found.push(decode(await one.next())); while (found.at(-1) !== undefined);
  return found.slice(0, -1);
}

Deno.test("NulReader returns the pieces however the stream cuts them", async () => {
  const text = "first\0\0third ä\0";
  const bytes = new TextEncoder().encode(text);
  for (let cut = 0; cut <= bytes.byteLength; cut++) {
    const unsent = [bytes.slice(0, cut), bytes.slice(cut)].filter((part) => part.byteLength > 0);
    const stream = new ReadableStream({
      type: "bytes",
      pull: (controller) => {
        const part = unsent.shift();
        if (part !== undefined) return controller.enqueue(part);
        controller.close();
        controller.byobRequest?.respond(0);
      },
    });
    assertEquals(await allOf(new NulReader(stream)), ["first", "", "third ä"], `cut at ${cut}`);
  }
});

Deno.test("NulReader joins a piece that arrives byte by byte, or is longer than its buffer", async () => {
  assertEquals(await allOf(reader(..."slow\0ly\0")), ["slow", "ly"]);
  const long = "x".repeat(200_000);
  assertEquals(await allOf(reader(`${long}\0`, "short\0")), [long, "short"]);
});

Deno.test("NulReader returns no piece that lacks its NUL", async () => {
  assertEquals(await allOf(reader("whole\0cut off")), ["whole"]);
  assertEquals(await allOf(reader()), []);
});

Deno.test("NulReader returns what follows the last piece that was taken as text", async () => {
  const one = reader("name\0status ", "is \xe4", "\n");
  assertEquals(decode(await one.next()), "name");
  assertEquals(await one.rest(), "status is ä\n");
});

Deno.test("NulReader gives up the stream when it is cancelled", async () => {
  const { stream, state } = streamOf(["a\0b\0"]);
  const one = new NulReader(stream);
  await one.next();
  await one.cancel();
  assertEquals(state.isCancelled, true);
});
