import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { answerBatch, type BatchMember } from "../../../../lib/dialects/jsonrpc/batch.ts";
import { byteLength } from "../../_helpers.ts";
import { batchOf, resultText } from "../../core/_host.ts";

/** One of a batch: a request or a notification, done at once or later, with so large an answer. */
const item = fc.record({
  isNotification: fc.boolean(),
  isLater: fc.boolean(),
  acts: fc.boolean(),
  size: fc.oneof(fc.nat(50), fc.nat(3000)),
});

Deno.test("a batch forgets no request, stays within the limit and ends, whatever is in it", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(item, { minLength: 1, maxLength: 20 }),
    fc.integer({ min: 600, max: 8000 }),
    async (members, limit) => {
      let actions = 0;
      const after = { run: () => Promise.resolve(void (actions += 1)), drop: () => void actions++ };
      const runs = members.map(
        ({ isNotification, isLater, acts, size }, id): BatchMember => async () => {
          if (isLater) await Promise.resolve();
          return {
            id,
            text: isNotification ? undefined : resultText(id, "x".repeat(size)),
            after: acts ? after : undefined,
          };
        },
      );
      const sent: string[] = [];
      await answerBatch(runs, limit, (text) => {
        sent.push(text);
        return Promise.resolve();
      });
      assertEquals(actions, members.filter(({ acts }) => acts).length, "each run or dropped, once");
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
