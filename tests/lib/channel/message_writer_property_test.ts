import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { MessageWriter } from "../../../lib/channel/message_writer.ts";

const part = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("€", "😀", "a"), maxLength: 200 })
    .map((text) => text.repeat(1000)),
  fc.uint8Array({ maxLength: 300 }),
);

Deno.test("what is sent arrives whole and in its order, however little a write takes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(part, { minLength: 1, maxLength: 4 }), { maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 20 }),
      async (messages, takes) => {
        const arrived: number[] = [];
        let writes = 0;
        const writer = new MessageWriter({
          write: async (bytes) => {
            const taken = bytes.subarray(0, takes[writes++ % takes.length]);
            arrived.push(...taken);
            if (writes % 3 === 0) await Promise.resolve();
            return taken.byteLength;
          },
        }, (error) => {
          throw error;
        });
        for (const [index, parts] of messages.entries()) {
          const sent = writer.send(...parts);
          if (index % 2 === 0) await sent;
        }
        await writer.flush();
        const encoder = new TextEncoder();
        const expected = messages.flatMap((parts) =>
          parts.flatMap((part) => [...typeof part === "string" ? encoder.encode(part) : part])
        );
        assertEquals(new Uint8Array(arrived), new Uint8Array(expected));
        assertEquals(writer.isCongested, false);
        assertEquals(writer.writtenBytes, expected.length);
      },
    ),
    { numRuns: 40 },
  );
});
