/**
 * The agent's entry point: reads the command line and runs a subcommand.
 *
 * @module
 */

import * as z from "zod";
import { check } from "./commands/check.ts";
import { sendMonitorCommand } from "./commands/monitor_command.ts";
import { permissions } from "./commands/permissions.ts";
import { privileged } from "./commands/privileged.ts";
import { serve } from "./commands/serve.ts";
import { supervise } from "./commands/supervise.ts";
import { EXIT, HELP, readInvocation } from "./commands/usage.ts";
import { ChannelError, ListenError } from "./lib/channel/channel.ts";
import { UsageError } from "./lib/base/command_line.ts";
import { stackOf } from "./lib/base/message_of.ts";
import { ConfigError } from "./lib/config/load.ts";
import { printError, printLine } from "./lib/base/terminal.ts";
import { VERSION } from "./lib/base/version.ts";

// There is no JIT compiler to generate code for.
z.config({ jitless: true });

async function run(args: readonly string[]): Promise<number> {
  try {
    const [first, ...rest] = args;
    // For the launcher: the rest is a command line of its own.
    if (first === "permissions") {
      printLine(await permissions(rest));
      return EXIT.ok;
    }
    if (first === "privileged") {
      await privileged(rest);
      return EXIT.ok;
    }
    const invocation = readInvocation(args);
    if (invocation.command === "help") printLine(HELP.trimEnd());
    else if (invocation.command === "version") printLine(`kvmmanager-agent ${VERSION}`);
    else if (invocation.command === "check") printLine(await check(invocation));
    else if (invocation.sending !== undefined) {
      return await sendMonitorCommand(invocation.sending, invocation.config);
    } else if (invocation.channel === undefined) return await supervise(invocation, args);
    else await serve(invocation, invocation.channel);
    return EXIT.ok;
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): number {
  if (error instanceof UsageError) {
    printError(`kvmmanager-agent: ${error.message}`);
    return EXIT.usage;
  }
  if (error instanceof ConfigError) {
    for (const problem of error.problems) printError(`kvmmanager-agent: ${error.path}: ${problem}`);
    return EXIT.config;
  }
  if (error instanceof ListenError || error instanceof ChannelError) {
    printError(`kvmmanager-agent: ${error.message}`);
    return EXIT.unavailable;
  }
  printError(`kvmmanager-agent: ${stackOf(error)}`);
  return EXIT.software;
}

// Exit explicitly: a blocked read would keep the process alive.
if (import.meta.main) Deno.exit(await run(Deno.args));
