/**
 * Splits a file into pieces that fit one message, and transfers several at a time.
 *
 * @module
 */

import { base64Capacity } from "../../lib/base/json_text.ts";
import type { AgentClient } from "../client.ts";
import { AnswerError } from "../errors.ts";
import { sleep } from "../sleep.ts";

/** The limit of an agent that does not report `max_message_size_kb`. */
const DEFAULT_MESSAGE_KB = 64;
/** Bytes of JSON in a request or result besides the path and the content. */
const OTHER_MEMBERS_BYTES = 512;
/** The most bytes of JSON that one byte of a path can take. */
const JSON_BYTES_PER_PATH_BYTE = 6;
/** Pieces in flight: enough to keep the channel busy, few enough to leave room for other calls. */
const PIECES_IN_FLIGHT = 4;
const MAX_RETRIES = 1000;

/** A range of a file, in bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** The number of bytes of a file that fit one message to or from this agent. */
export async function pieceBytes(
  client: AgentClient,
  path: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  const ask = () => client.call("get_agent_info", {}, { signal });
  const { max_message_size_kb = DEFAULT_MESSAGE_KB } = await retryWhenLimited(signal, ask);
  const pathBytes = new TextEncoder().encode(path).byteLength * JSON_BYTES_PER_PATH_BYTE;
  const room = max_message_size_kb * 1024 - OTHER_MEMBERS_BYTES - pathBytes;
  // Never 0: if not even one byte fits, the agent's own refusal explains it best.
  return Math.max(1, base64Capacity(room));
}

/** Splits a range into ranges of at most `mostBytes`. */
export function* splitRange(
  { offset, length }: ByteRange,
  mostBytes: number,
): Generator<ByteRange> {
  for (let done = 0; done < length; done += mostBytes) {
    yield { offset: offset + done, length: Math.min(mostBytes, length - done) };
  }
}

/** Items to work on. A function is given the signal that ends the work, and must end with it. */
export type Items<T> = Iterable<T> | ((signal: AbortSignal) => AsyncIterable<T>);

/**
 * Runs `work` on every item, several at a time, started in order.
 *
 * @throws The first failure, after the other items in flight have been aborted.
 */
export async function concurrently<T>(
  items: Items<T>,
  signal: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const both = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const iterator = typeof items === "function"
    ? items(both)[Symbol.asyncIterator]()
    : items[Symbol.iterator]();
  const workOnItems = async () => {
    try {
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
        both.throwIfAborted();
        await work(next.value, both);
      }
    } catch (error) {
      failed.abort(error);
    }
  };
  await Promise.all(Array.from({ length: PIECES_IN_FLIGHT }, workOnItems));
  both.throwIfAborted();
}

/**
 * Keeps several calls in flight and yields their results in the order of the items.
 *
 * @throws The first failure in that order; the calls still in flight are aborted.
 */
export async function* inOrder<T, R>(
  items: Iterable<T>,
  signal: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): AsyncGenerator<R> {
  const ended = new AbortController();
  const both = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
  const inFlight: Promise<R>[] = [];
  try {
    for (const item of items) {
      const result = work(item, both);
      // Awaited below, unless an earlier one fails first.
      result.catch(() => {});
      inFlight.push(result);
      const oldest = inFlight.length >= PIECES_IN_FLIGHT ? inFlight.shift() : undefined;
      if (oldest !== undefined) yield await oldest;
    }
    for (const result of inFlight) yield await result;
  } finally {
    ended.abort();
  }
}

/** Calls, and retries after a pause as long as the agent answers "too many requests". */
export async function retryWhenLimited<T>(
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
