/**
 * Explains what ended the agent or the broker.
 *
 * @module
 */

import { UsageError } from "../lib/base/command_line.ts";
import { stackOf } from "../lib/base/message_of.ts";
import { OutputClosed, OutputFailed, printError } from "../lib/base/terminal.ts";
import { ChannelError, ListenError } from "../lib/channel/channel.ts";
import { ConfigError } from "../lib/config/load.ts";
import { EXIT } from "./exit.ts";

/**
 * Explains what ended the agent, in one line for each problem.
 *
 * @returns The exit status.
 */
export function explain(error: unknown, print: (line: string) => void = printError): number {
  if (error instanceof OutputClosed) return EXIT.brokenPipe;
  if (error instanceof OutputFailed) {
    print(`kvmmanager-agent: ${error.message}`);
    return EXIT.output;
  }
  if (error instanceof UsageError) {
    print(`kvmmanager-agent: ${error.message}`);
    return EXIT.usage;
  }
  if (error instanceof ConfigError) {
    for (const problem of error.problems) print(`kvmmanager-agent: ${error.path}: ${problem}`);
    return EXIT.config;
  }
  if (error instanceof ListenError || error instanceof ChannelError) {
    print(`kvmmanager-agent: ${error.message}`);
    return EXIT.unavailable;
  }
  print(`kvmmanager-agent: ${stackOf(error)}`);
  return EXIT.software;
}
