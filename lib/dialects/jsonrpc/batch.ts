/**
 * The one answer of a batch.
 *
 * @module
 */

import { commandFailed } from "../../base/errors.ts";
import { utf8Bytes } from "../../base/json_text.ts";
import type { Send } from "../../core/executor.ts";
import { errorText, isId, parseLine, textOf } from "./messages.ts";

/**
 * Waits until the answer of a batch has left. Whoever waits has given its own answer, or is a
 * notification that will give none: the batch waits for it no longer.
 */
export type Departed = () => Promise<void>;

/**
 * Does one request of a batch, answering through the function it is given, and returns a promise
 * for the end of its work.
 */
export type BatchItem = (answer: Send, departed: Departed) => Promise<void> | undefined;

/**
 * Does all requests of a batch at once and sends their answers as one array, in the order of their
 * completion (JSON-RPC 2.0, section 6). A batch of notifications gets no answer.
 */
export async function collectBatch(
  items: readonly BatchItem[],
  limitBytes: number,
  send: Send,
): Promise<void> {
  const answers = new BatchAnswers(limitBytes);
  const departed = Promise.withResolvers<void>();
  const working: (Promise<void> | undefined)[] = [];
  const answered = items.map((item) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const work = item((...parts) => {
      answers.add(textOf(parts));
      resolve();
      return Promise.resolve();
    }, () => {
      resolve();
      return departed.promise;
    });
    // A notification is done without an answer.
    void Promise.resolve(work).then(resolve);
    working.push(work);
    return promise;
  });
  await Promise.all(answered);
  const text = answers.text();
  if (text !== undefined) await send(text);
  departed.resolve();
  await Promise.all(working);
}

/**
 * The answers of one batch, never more than the message limit. Where there is no room the largest
 * gives way to an error with its id; where not even the errors fit, one stands for all.
 */
class BatchAnswers {
  readonly #limit: number;
  readonly #texts: { text: string; bytes: number; isFinal: boolean }[] = [];
  #size = 1;
  #isHopeless = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(text: string): void {
    if (this.#isHopeless) return;
    const bytes = utf8Bytes(text);
    this.#texts.push({ text, bytes, isFinal: false });
    this.#size += bytes + 1;
    while (this.#size > this.#limit && !this.#isHopeless) this.#makeRoom();
  }

  text(): string | undefined {
    if (this.#isHopeless) {
      const reason = "the answers of the batch are over max_message_size_kb: send fewer at once";
      return errorText(null, commandFailed(reason, { limit_bytes: this.#limit }));
    }
    if (this.#texts.length === 0) return undefined;
    return `[${this.#texts.map(({ text }) => text).join(",")}]`;
  }

  #makeRoom(): void {
    const largest = this.#texts.reduce((best, one) =>
      best.isFinal || !one.isFinal && one.bytes >= best.bytes ? one : best
    );
    const short = withoutRoom(largest.text, largest.bytes);
    const bytes = utf8Bytes(short);
    if (largest.isFinal || bytes >= largest.bytes) {
      this.#isHopeless = true;
      this.#texts.length = 0;
      return;
    }
    this.#size += bytes - largest.bytes;
    Object.assign(largest, { text: short, bytes, isFinal: true });
  }
}

function withoutRoom(text: string, bytes: number): string {
  const answer = parseLine(text);
  const id = typeof answer === "object" && answer !== null && "id" in answer ? answer.id : null;
  const error = commandFailed("the batch has no room for this answer: ask alone", {
    size_bytes: bytes,
  });
  return errorText(isId(id) ? id : null, error);
}
