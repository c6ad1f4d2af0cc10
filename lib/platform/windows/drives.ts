/**
 * The drives of the system.
 *
 * @module
 */

import { DRIVE_ROOTS } from "./drive_roots.ts";
import { kernel32 } from "./ffi/kernel32.ts";

/** The root of each drive that there is, such as `C:\`. */
export function driveRoots(): readonly string[] {
  const drives = kernel32.GetLogicalDrives();
  return DRIVE_ROOTS.filter((_, bit) => (drives & (1 << bit)) !== 0);
}
