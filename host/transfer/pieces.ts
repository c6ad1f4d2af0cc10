/**
 * What moves in one message, and several of them at a time.
 *
 * @module
 */

import { base64Capacity } from "../../lib/base/json_text.ts";
import type { AgentClient } from "../client.ts";
import { sleep } from "../sleep.ts";
import { AnswerError } from "../errors.ts";

/** What an agent older than the member `max_message_size_kb` has by default. */
const DEFAULT_MESSAGE_KB = 64;
/** Bytes of JSON of a piece's request or result beside its path and content. */
const OTHER_MEMBERS_BYTES = 512;
/** The most bytes of JSON that a byte of a path takes. */
const JSON_BYTES_PER_PATH_BYTE = 6;
/** Pieces on their way at a time: enough to keep a channel busy, few enough to leave it to others. */
const IN_FLIGHT = 4;
const MAX_RETRIES = 1000;

/** A part of a file, in bytes. */
export interface Part {
  readonly offset: number;
  readonly length: number;
}

/** How many bytes of a file move in one message to or from this agent. */
export async function pieceBytes(
  client: AgentClient,
  path: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  const ask = () => client.call("get_agent_info", {}, { signal });
  const { max_message_size_kb = DEFAULT_MESSAGE_KB } = await patiently(signal, ask);
  const pathBytes = new TextEncoder().encode(path).byteLength * JSON_BYTES_PER_PATH_BYTE;
  const room = max_message_size_kb * 1024 - OTHER_MEMBERS_BYTES - pathBytes;
  // A piece that is too small is still a piece; the agent says so if even that does not fit.
  return Math.max(1, base64Capacity(room));
}

/** Cuts a part into parts of at most `most` bytes. */
export function* cut({ offset, length }: Part, most: number): Generator<Part> {
  for (let done = 0; done < length; done += most) {
    yield { offset: offset + done, length: Math.min(most, length - done) };
  }
}

/** Does something with every item, several at a time; the first failure ends it and is thrown. */
export async function inFlight<T>(
  items: Iterable<T>,
  signal: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const both = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const iterator = items[Symbol.iterator]();
  const run = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) {
      both.throwIfAborted();
      await work(next.value, both);
    }
  };
  const runs = Array.from({ length: IN_FLIGHT }, async () => {
    try {
      await run();
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  });
  const failure = (await Promise.allSettled(runs)).find(({ status }) => status === "rejected");
  if (failure === undefined) return;
  // The others were ended by the first.
  both.throwIfAborted();
}

/** Calls, and calls again after a pause where the agent says that it is asked too much. */
export async function patiently<T>(
  signal: AbortSignal | undefined,
  call: () => Promise<T>,
): Promise<T> {
  for (let tries = 0;; tries++) {
    try {
      return await call();
    } catch (error) {
      const waitMs = error instanceof AnswerError ? error.retryAfterMs : undefined;
      if (waitMs === undefined || tries >= MAX_RETRIES) throw error;
      await sleep(waitMs, signal);
      signal?.throwIfAborted();
    }
  }
}
