/**
 * The drives of the system.
 *
 * @module
 */

import { kernel32 } from "./ffi/kernel32.ts";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** The root of each drive that there is, such as `C:\`. */
export function driveRoots(): readonly string[] {
  const drives = kernel32.GetLogicalDrives();
  return [...LETTERS].filter((_, bit) => (drives & (1 << bit)) !== 0)
    .map((letter) => `${letter}:\\`);
}
