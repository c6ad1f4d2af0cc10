import { assert, assertEquals } from "@std/assert";
import {
  answerBatch,
  type BatchMember,
  type MemberAnswer,
} from "../../../../lib/dialects/jsonrpc/batch.ts";
import { errorText } from "../../../../lib/dialects/jsonrpc/messages.ts";
import { invalidRequest } from "../../../../lib/base/errors.ts";
import type { CallId } from "../../../../lib/core/call_id.ts";
import { byteLength } from "../../_helpers.ts";
import { batchOf, resultText } from "../../core/_host.ts";

const LIMIT_BYTES = 64 * 1024;

/** The answer with a result. */
const result = (id: CallId, value: unknown): MemberAnswer => ({ id, text: resultText(id, value) });
/** A member that is answered at once. */
const answered = (id: CallId, value: unknown): BatchMember => () => result(id, value);
/** A member that is answered later. */
const answeredLater = (id: CallId, value: unknown): BatchMember => () =>
  Promise.resolve(result(id, value));
const SILENT: MemberAnswer = { id: null, text: undefined };
const notification: BatchMember = () => SILENT;
const slowNotification: BatchMember = () => Promise.resolve(SILENT);

async function collect(members: readonly BatchMember[], limit = LIMIT_BYTES): Promise<string[]> {
  const sent: string[] = [];
  await answerBatch(members, limit, (text) => {
    sent.push(text);
    return Promise.resolve();
  });
  return sent;
}

Deno.test("a batch is answered by one array, in the order of completion", async () => {
  const sent = await collect([
    answeredLater(1, "slow"),
    answered(2, "quick"),
    () => ({ id: null, text: errorText(null, invalidRequest("malformed request")) }),
  ]);
  assertEquals(sent.length, 1);
  assertEquals(batchOf(sent[0] ?? "").map(({ id }) => id), [2, null, 1]);
});

Deno.test("a batch of notifications gets no answer", async () => {
  assertEquals(await collect([notification, slowNotification, notification]), []);
});

Deno.test("a batch waits for the slowest of its requests", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const sent: string[] = [];
  const done = answerBatch(
    [
      async () => {
        await promise;
        return result(1, true);
      },
      answered(2, true),
    ],
    LIMIT_BYTES,
    (text) => {
      sent.push(text);
      return Promise.resolve();
    },
  );
  await Promise.resolve();
  assertEquals(sent, []);
  resolve();
  await done;
  assertEquals(sent.length, 1);
});

Deno.test("a batch's answer that has no room becomes an error with its id", async () => {
  const large = "x".repeat(40_000);
  const [text = ""] = await collect([
    answered("a", large),
    answered("b", large),
    answered("c", "small"),
  ]);
  assert(byteLength(text) <= LIMIT_BYTES);
  const [first, second, third] = batchOf(text);
  assertEquals([first?.id, first?.result], ["a", large]);
  assertEquals([second?.id, second?.error?.code], ["b", -32000]);
  assertEquals(second?.error?.data.size_bytes, byteLength(resultText("b", large)));
  assertEquals([third?.id, third?.result], ["c", "small"]);
});

Deno.test("a batch's error for want of room has a 64-bit id as it came", async () => {
  const id = JSON.rawJSON("9223372036854775807");
  const [text = ""] = await collect([answered(id, "x".repeat(70_000))]);
  assert(text.endsWith('"id":9223372036854775807}]'), text.slice(-60));
});

Deno.test("a batch's answer is never over the limit and forgets no request", async () => {
  for (const limit of [1024, 4096, LIMIT_BYTES]) {
    for (const size of [1, 100, 200, 250, 300, 900, 3000]) {
      for (const count of [1, 3, 20, 300]) {
        const items = Array.from(
          { length: count },
          (_, id) => answered(id, "x".repeat(size)),
        );
        const [text = ""] = await collect(items, limit);
        assert(byteLength(text) <= limit, `${byteLength(text)} bytes of ${limit}`);
        const ids = text.startsWith("[") ? batchOf(text).map(({ id }) => id) : [];
        // All of them, or one error for the whole batch.
        assertEquals(ids.length === count || text.startsWith("{"), true, text.slice(0, 100));
      }
    }
  }
});

Deno.test("a batch where not even errors fit is answered with one", async () => {
  const items = Array.from({ length: 50 }, (_, id) => answered(id, "x".repeat(500)));
  const [text = ""] = await collect(items, 1024);
  const error = JSON.parse(text);
  assertEquals([error.id, error.error.code], [null, -32000]);
});

Deno.test("a batch of many small answers that fit together loses none of them", async () => {
  const items = Array.from({ length: 500 }, (_, id) => answered(id, { pong: true }));
  const [text = ""] = await collect(items);
  assert(text.startsWith("["), text.slice(0, 200));
  assertEquals(batchOf(text).filter(({ result }) => result !== undefined).length, 500);
});

Deno.test("notifications take no room in the answer of a batch", async () => {
  const large = "x".repeat(30_000);
  for (const silent of [notification, slowNotification]) {
    const silence = Array.from({ length: 300 }, () => silent);
    const items = [...silence, answeredLater(1, large)];
    const [text = ""] = await collect(items);
    const [answer] = batchOf(text);
    assert(answer?.result === large, text.slice(0, 200));
  }
});

Deno.test("the actions of a batch happen after its answer, but not if that became an error", async () => {
  const events: string[] = [];
  const member = (id: number, size: number): BatchMember => () => ({
    ...result(id, "x".repeat(size)),
    after: {
      run: () => Promise.resolve(void events.push(`run ${id}`)),
      drop: () => void events.push(`drop ${id}`),
    },
  });
  await answerBatch([member(1, 10), member(2, 2000)], 1024, () => {
    events.push("sent");
    return Promise.resolve();
  });
  assertEquals(events, ["drop 2", "sent", "run 1"]);
});
