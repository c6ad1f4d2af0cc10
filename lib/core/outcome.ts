/**
 * The result of a method that acts after its reply was sent.
 *
 * @module
 */

/** A result, and an action that is carried out once the reply with the result has been sent. */
export class ResultThen<Result> {
  constructor(readonly result: Result, readonly action: AfterReply) {}
}

/** An action that a method has prepared. */
export interface AfterReply {
  /** Performs it; an error is logged and audited. */
  run(): Promise<void>;
  /** Undoes the preparation: the result could not be sent, so the caller got an error. */
  drop(): void;
}
