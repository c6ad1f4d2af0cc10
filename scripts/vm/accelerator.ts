/**
 * What executes a guest's code, as an option of the tasks that boot one.
 *
 * @module
 */

import { UsageError } from "../../lib/base/command_line.ts";

/** What executes the guest's code: QEMU itself, or the host's processor. */
export const ACCELERATORS = ["tcg", "kvm"] as const;

/** One of {@link ACCELERATORS}. */
export type Accelerator = (typeof ACCELERATORS)[number];

/**
 * Reads an accelerator's name; `tcg` works everywhere.
 *
 * @param option What the name was given with, for the message.
 * @throws {UsageError}
 */
export function readAccelerator(option: string, name = "tcg"): Accelerator {
  const accelerator = ACCELERATORS.find((known) => known === name);
  if (accelerator !== undefined) return accelerator;
  throw new UsageError(`${option} must be ${ACCELERATORS.join(" or ")}, received "${name}"`);
}
