/**
 * What the tasks that build and measure share: reading the order, carrying it out, and explaining
 * what ended it.
 *
 * @module
 */

import { EXIT } from "../commands/exit.ts";
import { UsageError } from "../lib/base/command_line.ts";
import { messageOf } from "../lib/base/message_of.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { MissingToolsError } from "./vm/tools.ts";

/** A task whose command line is one order. */
export interface OrderTask<Order> {
  /** The task's name, before its errors. */
  readonly name: string;
  /** The help text. */
  readonly usage: string;
  /**
   * Reads the command line.
   *
   * @throws {UsageError}
   */
  readonly read: (args: readonly string[]) => Order | "help";
  /** Carries the order out; what it throws is printed as one line. */
  readonly perform: (order: Order) => Promise<void>;
}

/** Runs a command line of the task; resolves to the exit status. */
export async function runOrder<Order>(
  { name, usage, read, perform }: OrderTask<Order>,
  args: readonly string[],
): Promise<number> {
  try {
    const order = read(args);
    if (order === "help") printLine(usage.trimEnd());
    else await perform(order);
    return EXIT.ok;
  } catch (error) {
    printError(`${name}: ${messageOf(error)}`);
    if (error instanceof UsageError) return EXIT.usage;
    return error instanceof MissingToolsError ? EXIT.unavailable : EXIT.software;
  }
}
