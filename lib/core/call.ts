/**
 * A call from a dialect, and its outcome.
 *
 * @module
 */

import type { RpcError } from "../base/errors.ts";
import type { CallId } from "./call_id.ts";
import type { Caller } from "./caller.ts";

/** One call, whichever dialect it came through. */
export interface Call<Reply> {
  readonly method: string;
  /** Not yet checked: the method's schema does that. The executor drops them once it has. */
  params: unknown;
  /** When the request arrived, in milliseconds of `performance.now()`. */
  readonly arrivedAt: number;
  readonly caller: Caller;
  /** `undefined` if no reply is wanted. */
  readonly id: CallId | undefined;
  /** Bytes that the parsed request holds in memory while the call waits, roughly. */
  readonly bytes: number;
  /** Bytes of JSON that the result may take so that the reply fits one message. */
  readonly resultLimitBytes: number;
  /**
   * Encodes the result. If the result cannot be sent, the call fails.
   *
   * @throws {RpcError} if it does not fit one message.
   */
  encode(result: unknown): Reply;
}

/** Something that happens once the reply has been sent, such as a shutdown. */
export interface Action {
  /** Performs it. Never rejects. */
  run(): Promise<void>;
  /** Called if the reply was replaced by an error: nothing happens. */
  drop(): void;
}

/** How a call ended. */
export type Outcome<Reply> = Success<Reply> | Failure;

/** The call succeeded. */
export interface Success<Reply> {
  readonly ok: true;
  readonly reply: Reply;
  /** Run only if the reply is sent, or if none is wanted. */
  readonly after?: Action;
  /**
   * Frees the call's slot: the reply has been sent, or something else bounds how long it is kept.
   */
  release(): void;
}

/** The call was refused or failed. */
export interface Failure {
  readonly ok: false;
  readonly error: RpcError;
  /** As {@link Success.release}. */
  release(): void;
}
