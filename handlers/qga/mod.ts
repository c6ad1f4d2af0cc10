/**
 * The commands of the QEMU guest agent, and what they keep between two connections.
 *
 * @module
 */

import type { Method } from "../../lib/core/method.ts";
import { type CommandLists, listRefusal, NO_COMMAND_LISTS } from "../../lib/policy/qga_commands.ts";
import { accountCommands } from "./accounts.ts";
import { disabledCommand } from "./_command.ts";
import { Handles } from "./_handles.ts";
import { Processes } from "./_processes.ts";
import { diskCommands } from "./disks.ts";
import { execCommands } from "./exec.ts";
import { factsCommands } from "./facts.ts";
import { fileCommands } from "./files.ts";
import { filesystemCommands } from "./filesystems.ts";
import { guestInfo } from "./guest_info.ts";
import { guestShutdown } from "./shutdown.ts";
import { suspendCommands } from "./suspend.ts";
import { guestPing, guestSync, guestSyncDelimited } from "./sync.ts";

/** The commands of one agent. */
export interface QgaCommands {
  readonly methods: readonly Method[];
  /** Ends the programs that it has started. */
  stop(): Promise<void>;
}

/** Commands that qemu-ga has on some platform, and that this agent does not list. */
export const UNLISTED_COMMANDS: readonly string[] = [
  "guest-get-devices",
  "guest-set-memory-blocks",
  "guest-set-vcpus",
];

/**
 * Makes the commands, with nothing open and nothing started. An agent that speaks another language
 * does not make them: they take 0.3 MiB.
 *
 * @param lists What the site has turned off.
 */
export function qgaCommands(lists: CommandLists = NO_COMMAND_LISTS): QgaCommands {
  const processes = new Processes();
  const methods = [
    guestSync(),
    guestSyncDelimited(),
    guestPing(),
    guestInfo(),
    ...factsCommands(),
    ...diskCommands(),
    ...fileCommands(new Handles()),
    ...execCommands(processes),
    guestShutdown(),
    ...suspendCommands(),
    ...filesystemCommands(),
    ...accountCommands(),
  ];
  return {
    methods: methods.map((method) => {
      const reason = listRefusal(method.name, lists);
      return reason === undefined ? method : disabledCommand(method.name, method.summary, reason);
    }),
    stop: () => processes.stop(),
  };
}
