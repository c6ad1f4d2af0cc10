/**
 * The list of the operations that need root. To add one, add one file and one line here.
 *
 * @module
 */

import type { Operation } from "./operation.ts";
import { fsFreezeOperation } from "./fs_freeze.ts";
import { fsFreezeStatusOperation } from "./fs_freeze_status.ts";
import { fsThawOperation } from "./fs_thaw.ts";
import { fsTrimOperation } from "./fs_trim.ts";

/** Every operation. */
export const OPERATIONS: readonly Operation[] = [
  fsFreezeOperation,
  fsFreezeStatusOperation,
  fsThawOperation,
  fsTrimOperation,
];
