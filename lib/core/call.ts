/**
 * A call as it comes from a dialect, and what becomes of it.
 *
 * @module
 */

import type { RpcError } from "../base/errors.ts";
import type { CallId } from "./call_id.ts";
import type { Caller } from "./caller.ts";

/** One call, in whatever language it was made. */
export interface Call<Reply> {
  readonly method: string;
  /** As they came: the method's schema checks them. */
  readonly params: unknown;
  readonly caller: Caller;
  /** `undefined` if no reply is wanted. */
  readonly id: CallId | undefined;
  /** Bytes that the parsed request holds in memory while the call waits, roughly. */
  readonly bytes: number;
  /** Bytes of JSON that the result may take so that the reply fits one message. */
  readonly resultLimitBytes: number;
  /**
   * Encodes the result. A result that cannot be sent makes the call a failure.
   *
   * @throws {RpcError} if it does not fit one message.
   */
  encode(result: unknown): Reply;
}

/** Something that happens once the reply has left, such as a shutdown. */
export interface Action {
  /** Does it. Never rejects. */
  run(): Promise<void>;
  /** The reply was replaced by an error: nothing happens. */
  drop(): void;
}

/** How a call ended. */
export type Outcome<Reply> = Success<Reply> | Failure;

/** The call did what was asked. */
export interface Success<Reply> {
  readonly ok: true;
  readonly reply: Reply;
  /** Belongs to this outcome: it is run only if the reply is sent, or if none is wanted. */
  readonly after?: Action;
  /** Frees the call's slot: the reply has left, or something else bounds how long it is kept. */
  release(): void;
}

/** The call was refused or went wrong. */
export interface Failure {
  readonly ok: false;
  readonly error: RpcError;
  /** As {@link Success.release}. */
  release(): void;
}
