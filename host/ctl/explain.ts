/**
 * Errors as one line for a person and an exit status for a program.
 *
 * @module
 */

import { UsageError } from "../../lib/base/command_line.ts";
import { ERRORS } from "../../lib/base/errors.ts";
import { messageOf } from "../../lib/base/message_of.ts";
import { OutputFailed, printError } from "../../lib/base/terminal.ts";
import { AnswerError, CallError } from "../errors.ts";
import { TransferError } from "../transfer/transfer.ts";
import { EXIT } from "./exit.ts";
import { printable } from "./printable.ts";

/** Ctrl-C or SIGTERM. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Deno's advice about its flags, which users of this program never pass. */
const DENO_ADVICE_REGEXP = /, run again with .*$/s;

const CHECK_THE_GUEST =
  "in the guest, is the service running (systemctl status kvmmanager-agent)? On the host, is another " +
  "program connected to the channel? QEMU serves one at a time";

/** The introduction of an error answer; every other code is a refusal. */
const INTRODUCTIONS: Readonly<Record<number, string>> = {
  [ERRORS.timeout.code]: "timed out in the guest",
  [ERRORS.tooManyRequests.code]: "the agent is busy",
  [ERRORS.commandFailed.code]: "failed in the guest",
  [ERRORS.notFound.code]: "not found in the guest",
  [ERRORS.internalError.code]: "the agent failed",
};

/**
 * Prints why a command failed, as one line.
 *
 * @returns The exit status.
 * @throws The error itself, if it is a bug in this program.
 */
export function explain(error: unknown): number {
  if (error instanceof Interrupted) return EXIT.interrupted;
  // For example after `| head`: the reader has what it wanted.
  if (error instanceof Deno.errors.BrokenPipe) return EXIT.brokenPipe;
  const [status, text] = describe(error) ?? [];
  if (status === undefined || text === undefined) throw error;
  printError(`kvmmanager-ctl: ${printable(text.replace(DENO_ADVICE_REGEXP, ""))}`);
  return status;
}

function describe(error: unknown): [number, string] | undefined {
  if (error instanceof AnswerError) return [EXIT.errorAnswer, answerText(error)];
  if (error instanceof CallError) {
    const advice = error.reason === "timeout" ? `; ${CHECK_THE_GUEST}` : "";
    return [EXIT.unavailable, `${error.message}${advice}`];
  }
  if (error instanceof UsageError) return [EXIT.usage, error.message];
  if (error instanceof OutputFailed) return [EXIT.localFile, error.message];
  if (error instanceof TransferError) return [EXIT.errorAnswer, error.message];
  // Paths in /dev, /proc and /sys, which Deno opens only with every permission.
  if (error instanceof Deno.errors.NotCapable) {
    return [EXIT.localFile, `access to that path is not permitted: ${error.message}`];
  }
  // A kernel error has its number in the message.
  if (error instanceof Error && /\(os error \d+\)/.test(error.message)) {
    return [EXIT.localFile, messageOf(error)];
  }
  return undefined;
}

/** An error answer as a sentence, with advice. */
export function answerText(error: AnswerError): string {
  const text = `${INTRODUCTIONS[error.code] ?? "the agent refused"}: ${error.reason}`;
  return error.isUnknownMethod
    ? `${text}; the agent is older than this kvmmanager-ctl; update it in the guest`
    : text;
}
