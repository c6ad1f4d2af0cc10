/**
 * The ids of calls.
 *
 * @module
 */

/** A call's id. A number that JavaScript cannot represent exactly (beyond 2^53) keeps its text. */
export type CallId = string | number | null | RawNumber;

/** A number's text, as a `JSON.rawJSON` object. */
export interface RawNumber {
  readonly rawJSON: string;
}

/** Whether a value is a number that kept its text. */
export const isRawNumber = (value: unknown): value is RawNumber => JSON.isRawJSON(value);
