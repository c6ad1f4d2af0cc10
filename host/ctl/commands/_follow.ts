/**
 * How commands follow what a guest writes.
 *
 * @module
 */

import { printError } from "../../../lib/base/terminal.ts";
import type { FollowOptions } from "../../follow.ts";
import type { Invocation } from "../command.ts";
import { printable } from "../printable.ts";
import { connectTarget } from "../target.ts";

/** Until Ctrl-C, through lost connections, which are reported on standard error. */
export const followOptions = (invocation: Invocation): FollowOptions => ({
  connect: async () => (await connectTarget(invocation)).client,
  signal: invocation.signal,
  onProblem: ({ message }) => printError(`kvmmanager-ctl: ${printable(message)}; trying again`),
});
