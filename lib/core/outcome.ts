/**
 * What a method returns when something is to happen after the reply.
 *
 * @module
 */

/** A result, and an action that is carried out once the reply with the result has left. */
export class ResultThen<Result> {
  constructor(readonly result: Result, readonly action: AfterReply) {}
}

/** What a method has prepared. */
export interface AfterReply {
  /** Does it; may throw, which is logged and audited. */
  run(): Promise<void>;
  /** The result could not be sent, the caller got an error: takes the preparation back. */
  drop(): void;
}
