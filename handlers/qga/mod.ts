/**
 * The commands of the QEMU guest agent, and what they keep between two connections.
 *
 * @module
 */

import type { Method } from "../../lib/core/method.ts";
import { Handles } from "./_handles.ts";
import { Processes } from "./_processes.ts";
import { execCommands } from "./exec.ts";
import { FACTS_COMMANDS } from "./facts.ts";
import { fileCommands } from "./files.ts";
import { guestInfo } from "./guest_info.ts";
import { ROOT_COMMANDS } from "./not_yet.ts";
import { guestShutdown } from "./shutdown.ts";
import { guestPing, guestSync, guestSyncDelimited } from "./sync.ts";

/** The commands of one agent. */
export interface QgaCommands {
  readonly methods: readonly Method[];
  /** Ends the programs that it has started. */
  stop(): Promise<void>;
}

/** Makes the commands, with nothing open and nothing started. */
export function qgaCommands(): QgaCommands {
  const processes = new Processes();
  return {
    methods: [
      guestSync,
      guestSyncDelimited,
      guestPing,
      guestInfo,
      ...FACTS_COMMANDS,
      ...fileCommands(new Handles()),
      ...execCommands(processes),
      guestShutdown,
      ...ROOT_COMMANDS,
    ],
    stop: () => processes.stop(),
  };
}
