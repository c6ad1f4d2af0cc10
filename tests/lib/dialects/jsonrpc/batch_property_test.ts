import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type BatchItem, collectBatch } from "../../../../lib/dialects/jsonrpc/batch.ts";
import { textOf } from "../../../../lib/dialects/jsonrpc/messages.ts";
import { byteLength } from "../../_helpers.ts";
import { batchOf, resultText } from "../../core/_host.ts";

/** One of a batch: a request or a notification, done at once or later, with so large an answer. */
const item = fc.record({
  isNotification: fc.boolean(),
  isLater: fc.boolean(),
  waits: fc.boolean(),
  size: fc.oneof(fc.nat(50), fc.nat(3000)),
});

Deno.test("a batch forgets no request, stays within the limit and ends, whatever is in it", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(item, { minLength: 1, maxLength: 20 }),
    fc.integer({ min: 600, max: 8000 }),
    async (members, limit) => {
      const items = members.map(
        ({ isNotification, isLater, waits, size }, id): BatchItem => async (answer, departed) => {
          if (isLater) await Promise.resolve();
          if (!isNotification) await answer(resultText(id, "x".repeat(size)));
          if (waits) await departed();
        },
      );
      const sent: string[] = [];
      await collectBatch(items, limit, (...parts) => {
        sent.push(textOf(parts));
        return Promise.resolve();
      });
      const owed = members.flatMap(({ isNotification }, id) => isNotification ? [] : [id]);
      assertEquals(sent.length, owed.length === 0 ? 0 : 1);
      const [text] = sent;
      if (text === undefined) return;
      assert(byteLength(text) <= limit, `${byteLength(text)} bytes`);
      // Where there is no room for an error each, one stands for all.
      if (!text.startsWith("[")) return;
      const ids = batchOf(text).map(({ id }) => Number(id));
      assertEquals(ids.toSorted((a, b) => a - b), owed);
    },
  ));
});
