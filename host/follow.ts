/**
 * Follows what an agent reads from a cursor: logs and events. The cursor is all that it takes to
 * continue, so a lost connection or a restarted agent loses nothing.
 *
 * @module
 */

import type { AgentClient } from "./client.ts";
import { CallError, fromStopping } from "./errors.ts";
import type { ParamsOf, ResultOf } from "./protocol.ts";
import { sleep } from "./sleep.ts";

/** How long the agent waits for something new in each call. */
const WAIT_SECONDS = 30;
/** How much later its answer may come. */
const GRACE_MS = 30_000;
const RETRY_MS = 1000;

/** How a reader is connected. */
export interface FollowOptions {
  /** Connects to the agent; called again after a connection was lost. */
  readonly connect: () => Promise<AgentClient>;
  /** Ends the iteration. */
  readonly signal: AbortSignal;
  /** Told why nothing can be read at the moment; the reader goes on trying. */
  readonly onProblem?: (problem: CallError) => void;
  /** Milliseconds between tries to connect. @default {1000} */
  readonly retryMs?: number;
}

/** Where a log is, and where to begin; see `log_read`. */
export type LogSelection = Omit<ParamsOf<"log_read">, "wait_seconds">;

/** Which events to read; see `events_read`. */
export type EventSelection = Omit<ParamsOf<"events_read">, "wait_seconds">;

/**
 * The lines or entries of a log, as `log_read` returns them: first the last ones or those after the
 * cursor, then new ones, until the signal is aborted.
 *
 * @throws {AnswerError} if the agent refuses.
 * @throws {CallError} if the first connection fails.
 */
export async function* followLog(
  selection: LogSelection,
  options: FollowOptions,
): AsyncGenerator<ResultOf<"log_read">, void, void> {
  const { path, unit, kernel, max_bytes } = selection;
  yield* follow(options, selection.cursor, (client, cursor, call) => {
    const params = cursor === undefined
      ? selection
      : { path, unit, kernel, max_bytes, cursor, wait_seconds: WAIT_SECONDS };
    return client.call("log_read", params, call);
  });
}

/**
 * The events of an agent's journal, as `events_read` returns them: from the cursor on, or from the
 * oldest, then new ones, until the signal is aborted.
 *
 * @throws As {@link followLog}.
 */
export async function* followEvents(
  selection: EventSelection,
  options: FollowOptions,
): AsyncGenerator<ResultOf<"events_read">, void, void> {
  const { types, max_events, max_bytes } = selection;
  yield* follow(options, selection.cursor, (client, cursor, call) => {
    const params = cursor === undefined
      ? selection
      : { types, max_events, max_bytes, cursor, wait_seconds: WAIT_SECONDS };
    return client.call("events_read", params, call);
  });
}

interface CallLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly cancelInGuest: true;
}

async function* follow<Read extends { readonly cursor: string }>(
  { connect, signal, onProblem, retryMs = RETRY_MS }: FollowOptions,
  first: string | undefined,
  read: (client: AgentClient, cursor: string | undefined, call: CallLimits) => Promise<Read>,
): AsyncGenerator<Read, void, void> {
  const limits = {
    timeoutMs: WAIT_SECONDS * 1000 + GRACE_MS,
    signal,
    cancelInGuest: true,
  } as const;
  let cursor = first;
  let client: AgentClient | undefined = await connect();
  try {
    while (!signal.aborted) {
      let answer: Read;
      try {
        client ??= await connect();
        answer = await read(client, cursor, limits);
      } catch (thrown) {
        if (signal.aborted) return;
        const error = fromStopping(thrown);
        if (!(error instanceof CallError) || error.reason === "invalid result") throw error;
        onProblem?.(error);
        await client?.close();
        client = undefined;
        await sleep(retryMs, signal);
        continue;
      }
      ({ cursor } = answer);
      yield answer;
    }
  } finally {
    await client?.close();
  }
}
