/**
 * Runs a command line of the agent, on whichever platform the entry point has chosen.
 *
 * @module
 */

import { printLine } from "../lib/base/terminal.ts";
import { VERSION } from "../lib/base/version.ts";
import type { Platform } from "../lib/platform/platform.ts";
import { check } from "./check.ts";
import { doctor } from "./doctor.ts";
import { sendMonitorCommand } from "./monitor_command.ts";
import { serve } from "./serve.ts";
import { EXIT } from "./exit.ts";
import { explain } from "./explain.ts";
import { HELP, type Invocation, readInvocation } from "./usage.ts";

/** What one platform's agent has besides the commands that all have. */
export interface Edition {
  readonly platform: Platform;
  /** Subcommands with a command line of their own; each returns the exit status. */
  readonly subcommands: Readonly<Record<string, (args: readonly string[]) => Promise<number>>>;
  /** Serves the host when the command line names no channel; returns the exit status. */
  readonly serveOwnPort: (invocation: Invocation, args: readonly string[]) => Promise<number>;
}

/** Runs a command line and returns the exit status; errors are printed. */
export async function run(args: readonly string[], edition: Edition): Promise<number> {
  try {
    const [first = "", ...rest] = args;
    const subcommand = Object.entries(edition.subcommands).find(([name]) => name === first)?.[1];
    if (subcommand !== undefined) return await subcommand(rest);
    const invocation = readInvocation(args);
    const { platform } = edition;
    if (invocation.command === "help") printLine(HELP.trimEnd());
    else if (invocation.command === "version") printLine(`kvmmanager-agent ${VERSION}`);
    else if (invocation.command === "check") printLine(await check(invocation, platform));
    else if (invocation.command === "doctor") return await doctor(invocation, platform);
    else if (invocation.sending !== undefined) {
      return await sendMonitorCommand(invocation.sending, invocation.config, platform);
    } else if (invocation.channel === undefined) {
      return await edition.serveOwnPort(invocation, args);
    } else await serve(invocation, invocation.channel, platform);
    return EXIT.ok;
  } catch (error) {
    return explain(error);
  }
}
