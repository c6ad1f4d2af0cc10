/**
 * The agent's state in memory.
 *
 * @module
 */

import type { OpenState } from "../platform.ts";
import { MemoryFolder } from "./memory_folder.ts";

/** The agent has 50 MiB in all. */
const MEMORY_CAPACITY_BYTES = 768 * 1024;

/** State in memory, which ends with the agent's process. */
export const memoryState = (): OpenState => ({
  isPersistent: false,
  capacityBytes: MEMORY_CAPACITY_BYTES,
  root: new MemoryFolder(),
  close: () => {},
});
