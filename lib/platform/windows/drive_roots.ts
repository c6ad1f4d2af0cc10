/**
 * The roots of the drives that a system can have.
 *
 * @module
 */

/** Every root: a drive may come after the agent has started. */
export const DRIVE_ROOTS: readonly string[] = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].map((letter) =>
  `${letter}:\\`
);
