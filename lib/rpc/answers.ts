/**
 * The sizes of answers, and the one answer of a batch.
 *
 * @module
 */

import { commandFailed } from "../errors.ts";
import type { Send } from "./dispatcher.ts";
import { errorText, isId, parseLine } from "./messages.ts";

const encoder = new TextEncoder();

/** Bytes of a text in UTF-8. */
export const byteLength = (text: string): number => encoder.encode(text).byteLength;

/** Does one request of a batch, answering through the function it is given. */
export type BatchItem = (answer: Send) => Promise<void> | undefined;

/** Bytes kept free for each request that is not answered yet, enough for an error. */
const RESERVE_BYTES = 256;

/**
 * Does all requests of a batch at once and sends their answers as one array, in the order of their
 * completion (JSON-RPC 2.0, section 6). A batch of notifications gets no answer. An answer that the
 * array has no room for is replaced by an error with the same id as it comes, so that memory stays
 * bounded by the limit; where not even the errors fit, the batch is answered with one.
 */
export async function collectBatch(
  items: readonly BatchItem[],
  limitBytes: number,
  send: Send,
): Promise<void> {
  const texts: string[] = [];
  let size = 1;
  let pending = items.length;
  const collect = (text: string) => {
    pending -= 1;
    const room = limitBytes - size - pending * RESERVE_BYTES - 1;
    const kept = byteLength(text) <= room ? text : withoutRoom(text, room);
    size += byteLength(kept) + 1;
    if (size <= limitBytes) texts.push(kept);
    return Promise.resolve();
  };
  await Promise.all(items.map((item) => item(collect)));
  if (size > limitBytes) {
    const reason = "the answers of the batch are over max_message_size_kb: send fewer at once";
    await send(errorText(null, commandFailed(reason, { limit_bytes: limitBytes })));
  } else if (texts.length > 0) {
    await send(`[${texts.join(",")}]`);
  }
}

function withoutRoom(text: string, room: number): string {
  const answer = parseLine(text);
  const id = typeof answer === "object" && answer !== null && "id" in answer ? answer.id : null;
  const error = commandFailed("the batch has no room for this answer: ask alone", {
    size_bytes: byteLength(text),
    limit_bytes: Math.max(0, room),
  });
  return errorText(isId(id) ? id : null, error);
}
