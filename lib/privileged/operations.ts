/**
 * The list of the operations that need root. To add one, add one file and one line here.
 *
 * @module
 */

import type { Operation } from "./operation.ts";
import { fsTrimOperation } from "./fs_trim.ts";

/** Every operation. */
export const OPERATIONS: readonly Operation[] = [
  fsTrimOperation,
];
