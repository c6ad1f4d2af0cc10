/**
 * Operations of a guest that run as jobs, such as a change of packages.
 *
 * @module
 */

import { printError } from "../../../lib/base/terminal.ts";
import { RemoteJob } from "../../jobs/job.ts";
import type { AgentLink } from "../../jobs/link.ts";
import type { Invocation } from "../command.ts";
import { EXEC_EXIT } from "../exit.ts";
import { connectTarget } from "../target.ts";
import { exitStatusOf, linkOf, newJobId } from "./_job.ts";
import { writeOutput } from "./_stream.ts";

/**
 * Starts an operation and passes on its output; returns its exit status.
 *
 * @param what Names it for people.
 * @param start Has the guest start it under the given id.
 */
export async function runOperation(
  what: string,
  invocation: Invocation,
  start: (link: AgentLink, jobId: string) => Promise<unknown>,
): Promise<number> {
  const { signal } = invocation;
  const { client } = await connectTarget(invocation);
  const link = linkOf(client, invocation);
  await using _link = link;
  const jobId = newJobId();
  await start(link, jobId);
  try {
    const streamed = await writeOutput(new RemoteJob(link, jobId), { follow: true, signal });
    return streamed === undefined ? EXEC_EXIT.failed : exitStatusOf(streamed.end, what);
  } catch (error) {
    printError(`kvmmanager-ctl: it goes on in the guest; see it with: job logs -f ${jobId}`);
    throw error;
  }
}
