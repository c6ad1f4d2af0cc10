/**
 * Whole numbers of 64 bits in arguments.
 *
 * @module
 */

import * as z from "zod";

/** A number that the dialect kept as a bigint, because it has more than 53 bits. */
interface Large {
  readonly value: bigint;
}

const isLarge = (value: unknown): value is Large =>
  typeof value === "object" && value !== null && "value" in value &&
  typeof value.value === "bigint";

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

/** Any whole number of 64 bits, as it came: written back, it has the same digits. */
export const Int64 = z.unknown().check(
  z.refine(
    (value) =>
      Number.isSafeInteger(value) || isLarge(value) && value.value >= MIN && value.value <= MAX,
    "must be an integer of 64 bits",
  ),
);

/** Its value as a number, rounded beyond 2^53. */
export const numberOf = (value: unknown): number =>
  isLarge(value) ? Number(value.value) : Number(value);
