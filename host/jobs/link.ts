/**
 * Calls that survive the loss of the connection: for methods that may be repeated, such as those on
 * jobs.
 *
 * @module
 */

import type { AgentClient, CallOptions } from "../client.ts";
import { AnswerError, CallError, type CallErrorReason, fromStopping } from "../errors.ts";
import { checkedResult, type MethodName, type ParamsOf, type ResultOf } from "../protocol.ts";
import { sleep } from "../sleep.ts";

/** What may be over by the next attempt. */
const PASSING: readonly CallErrorReason[] = [
  "connection lost",
  "no socket",
  "not served",
  "in use",
  "timeout",
];
const PAUSE_MS = { first: 100, most: 2000 } as const;
const DEFAULT_PATIENCE_MS = 60_000;

/** How a link is kept. */
export interface LinkOptions {
  /** Connects again after the connection was lost. */
  readonly connect: () => Promise<AgentClient>;
  /** How long to try before the last error is thrown. @default {60000} */
  readonly patienceMs?: number;
  /** Called when the connection is lost, with the reason. */
  readonly onLost?: (why: CallError) => void;
  /** Called when calls are answered again. */
  readonly onBack?: () => void;
}

/** A connection to an agent that is made again when it is lost. */
export class AgentLink implements AsyncDisposable {
  readonly #options: LinkOptions;
  #client: AgentClient;
  #reconnecting: Promise<void> | undefined;
  #lostAt: number | undefined;
  #pauseMs: number = PAUSE_MS.first;

  /** A link over a client, which is replaced when its connection is lost. */
  constructor(client: AgentClient, options: LinkOptions) {
    this.#client = client;
    this.#options = options;
  }

  /**
   * Calls a method as often as needed. Call only methods that do no harm when they are repeated.
   *
   * @throws {AnswerError} for an error answer, except for being over the rate limit.
   * @throws {CallError} if the agent cannot be reached in time, or the result is invalid.
   */
  async call<Name extends MethodName>(
    method: Name,
    params: ParamsOf<Name>,
    options: CallOptions = {},
  ): Promise<ResultOf<Name>> {
    for (;;) {
      try {
        await this.#reconnecting;
        const result = await this.#client.callUnchecked(method, params, options);
        this.#succeeded();
        return checkedResult(method, result);
      } catch (error) {
        options.signal?.throwIfAborted();
        const limitedMs = limitOf(error);
        if (limitedMs !== undefined) await sleep(limitedMs, options.signal);
        else await this.#recover(fromStopping(error));
      }
    }
  }

  #succeeded(): void {
    if (this.#lostAt !== undefined) this.#options.onBack?.();
    this.#lostAt = undefined;
    this.#pauseMs = PAUSE_MS.first;
  }

  /** @throws The error, if trying again makes no sense. */
  async #recover(error: unknown): Promise<void> {
    if (!(error instanceof CallError) || !PASSING.includes(error.reason)) throw error;
    const now = performance.now();
    if (this.#lostAt === undefined) {
      this.#lostAt = now;
      this.#options.onLost?.(error);
    }
    if (now - this.#lostAt > (this.#options.patienceMs ?? DEFAULT_PATIENCE_MS)) throw error;
    this.#reconnecting ??= this.#reconnect().finally(() => this.#reconnecting = undefined);
    await this.#reconnecting;
  }

  async #reconnect(): Promise<void> {
    await sleep(this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE_MS.most);
    if (this.#client.ended === undefined) return;
    try {
      this.#client = await this.#options.connect();
    } catch (error) {
      if (!(error instanceof CallError) || !PASSING.includes(error.reason)) throw error;
    }
  }

  /** Closes the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }
}

/** Milliseconds to wait if a call was over the rate limit. */
function limitOf(error: unknown): number | undefined {
  if (!(error instanceof AnswerError) || typeof error.data !== "object" || error.data === null) {
    return undefined;
  }
  // Other limits, such as that of running jobs, have no time.
  return "retry_after_ms" in error.data ? error.retryAfterMs : undefined;
}
