/**
 * The list of built-in commands. A new command is one file and one line here.
 *
 * @module
 */

import type { MonitorContext } from "../context.ts";
import type { CommandHandler, Monitor } from "../monitor.ts";
import { getInfo } from "./get_info.ts";
import { getStatus } from "./get_status.ts";
import { ping } from "./ping.ts";
import { reloadConfig } from "./reload_config.ts";
import { sendEvent } from "./send_event.ts";

/** For commands that write to the log or the audit file. */
const MAX_PER_SECOND = 10;
/** An event of 60 kB takes a megabyte of memory for a moment, and a write to the disk. */
const MAX_EVENTS_PER_SECOND = 20;

/** A built-in command. */
interface BuiltinCommand {
  readonly handler: (context: MonitorContext) => CommandHandler;
  /** The limit is applied before the handler sees the request. */
  readonly maxPerSecond?: number;
  /** Told of each call over the limit. */
  readonly onRefused?: (context: MonitorContext) => void;
}

const BUILTIN_COMMANDS: Readonly<Record<string, BuiltinCommand>> = {
  "agent.GetInfo": { handler: getInfo },
  "agent.GetStatus": { handler: getStatus },
  "agent.Ping": { handler: () => ping },
  "agent.ReloadConfig": { handler: reloadConfig, maxPerSecond: MAX_PER_SECOND },
  "agent.SendEvent": {
    handler: sendEvent,
    maxPerSecond: MAX_EVENTS_PER_SECOND,
    onRefused: ({ eventRefused }) => eventRefused(),
  },
};

/** The names of the built-in commands, sorted. */
export const BUILTIN_NAMES: readonly string[] = Object.keys(BUILTIN_COMMANDS);

/** Registers all built-in commands. */
export function registerBuiltins(monitor: Monitor, context: MonitorContext): void {
  for (const [name, command] of Object.entries(BUILTIN_COMMANDS)) {
    const { handler, maxPerSecond, onRefused } = command;
    monitor.register(name, handler(context), {
      maxPerSecond,
      onRefused: onRefused && (() => onRefused(context)),
    });
  }
}
