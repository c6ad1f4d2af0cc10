/**
 * What went wrong, for a person, and the exit status for a program.
 *
 * @module
 */

import { UsageError } from "../../lib/base/command_line.ts";
import { messageOf } from "../../lib/base/message_of.ts";
import { printError } from "../../lib/base/terminal.ts";
import { AnswerError, CallError } from "../errors.ts";
import { TransferError } from "../transfer/transfer.ts";
import { EXIT } from "./exit.ts";
import { printable } from "./printable.ts";

/** Ctrl-C or SIGTERM. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** What Deno says about its flags, which nobody gives to this program. */
const DENO_ADVICE_REGEXP = /, run again with .*$/s;

const IN_THE_GUEST =
  "is its service running (systemctl status kvmmanager-agent), and is no other program of the host " +
  "connected to the channel? QEMU serves one at a time";

/**
 * Prints why a command failed, as one line.
 *
 * @returns The exit status.
 * @throws What is a fault of this program.
 */
export function explain(error: unknown): number {
  if (error instanceof Interrupted) return EXIT.interrupted;
  const [status, text] = sentence(error) ?? [];
  if (status === undefined || text === undefined) throw error;
  printError(`kvmmanager-ctl: ${printable(text.replace(DENO_ADVICE_REGEXP, ""))}`);
  return status;
}

function sentence(error: unknown): [number, string] | undefined {
  if (error instanceof AnswerError) {
    return [EXIT.errorAnswer, `the agent refused: ${reasonOf(error)}`];
  }
  if (error instanceof CallError) {
    const advice = error.reason === "timeout" ? `; in the guest: ${IN_THE_GUEST}` : "";
    return [EXIT.unavailable, `${error.message}${advice}`];
  }
  if (error instanceof UsageError) return [EXIT.usage, error.message];
  if (error instanceof TransferError) return [EXIT.errorAnswer, error.message];
  // Paths in /dev, /proc and /sys, which Deno opens only to those who may do everything.
  if (error instanceof Deno.errors.NotCapable) {
    return [EXIT.localFile, `this program may not use that path: ${error.message}`];
  }
  // An error of the kernel names its number.
  if (error instanceof Error && /\(os error \d+\)/.test(error.message)) {
    return [EXIT.localFile, messageOf(error)];
  }
  return undefined;
}

/** Why, and what to do about it. */
export function reasonOf(error: AnswerError): string {
  return error.isUnknownMethod
    ? `${error.reason}; it is older than this kvmmanager-ctl, update kvmmanager-agent in the guest`
    : error.reason;
}
