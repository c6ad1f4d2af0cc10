/**
 * The ids of calls.
 *
 * @module
 */

/**
 * A call's id. A number that does not survive JavaScript's arithmetic (beyond 2^53) keeps its text.
 */
export type CallId = string | number | null | RawNumber;

/** What `JSON.rawJSON` makes of a number's text. */
export interface RawNumber {
  readonly rawJSON: string;
}

/** Whether a value is a number kept as its text. */
export const isRawNumber = (value: unknown): value is RawNumber => JSON.isRawJSON(value);
