/**
 * What the commands that use jobs have in common.
 *
 * @module
 */

import { UsageError } from "../../../lib/base/command_line.ts";
import { printError } from "../../../lib/base/terminal.ts";
import type { AgentClient } from "../../client.ts";
import type { JobEnd } from "../../jobs/job.ts";
import { AgentLink } from "../../jobs/link.ts";
import type { Invocation } from "../command.ts";
import { EXEC_EXIT } from "../exit.ts";
import { printable } from "../printable.ts";
import { connectTarget } from "../target.ts";

/** A link over a client that connects again to the same VM. */
export function linkOf(
  client: AgentClient,
  invocation: Invocation,
  tell: (text: string) => void = (text) => printError(`kvmmanager-ctl: ${text}`),
): AgentLink {
  return new AgentLink(client, {
    connect: async () => (await connectTarget(invocation)).client,
    onLost: (why) => tell(`${printable(why.message)}; trying to reach the job again`),
    onBack: () => tell("the job is reached again"),
  });
}

/** Variables of an environment as `NAME=VALUE`. */
export function parseVariables(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => {
    const at = pair.indexOf("=");
    if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
    throw new UsageError(`--env must be NAME=VALUE, received "${pair}"`);
  }));
}

/** An id that no other program chooses. */
export const newJobId = (): string => `ctl-${crypto.randomUUID()}`;

/** The exit status for the end of a job; explains an end that was not the program's own. */
export function exitStatusOf(end: JobEnd, command: string, timeoutSeconds?: number): number {
  if (end.state === "lost") {
    printError(
      `kvmmanager-ctl: the agent in the guest ended while ${printable(command)} was running, ` +
        "which ended it too",
    );
    return EXEC_EXIT.failed;
  }
  if (end.ended_by === "timeout") {
    const limit = timeoutSeconds === undefined ? "its time limit" : `${timeoutSeconds} s`;
    printError(
      `kvmmanager-ctl: timed out in the guest: ${printable(command)} did not finish within ` +
        `${limit} and was killed with its process group`,
    );
    return EXEC_EXIT.timeout;
  }
  return end.exit_code ?? EXEC_EXIT.failed;
}
