/**
 * Commands that are listed and off: they change the guest as root, which the agent cannot yet.
 *
 * @module
 */

import type { Method } from "../../lib/core/method.ts";
import { disabledCommand } from "./_command.ts";

const needsRoot = (what: string) =>
  `${what} needs root, and this agent runs without it; it has no helper for that yet`;

/** Name, summary and what needs root. */
const COMMANDS: readonly (readonly [name: string, summary: string, what: string])[] = [
  ["guest-ssh-get-authorized-keys", "A user's SSH keys", "reading a user's keys"],
  ["guest-suspend-ram", "Suspends to memory", "suspending"],
  ["guest-suspend-disk", "Suspends to disk", "suspending"],
  ["guest-suspend-hybrid", "Suspends to both", "suspending"],
];

/** The commands that need root. */
export const ROOT_COMMANDS: readonly Method[] = COMMANDS.map(([name, summary, what]) =>
  disabledCommand(name, summary, needsRoot(what))
);
