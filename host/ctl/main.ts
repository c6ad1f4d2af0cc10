/**
 * `kvmmanager-ctl`: the host's command line.
 *
 * @module
 */

import { explain } from "./explain.ts";
import { Interruption } from "./interrupt.ts";
import { readCommandLine } from "./read.ts";

/** Runs a command line; resolves to the exit status. */
export async function run(args: readonly string[]): Promise<number> {
  const interruption = new Interruption();
  using _interruption = interruption;
  try {
    const parsed = await readCommandLine(args);
    if (parsed === undefined) return 0;
    return await parsed.run({ ...parsed.invocation, signal: interruption.signal });
  } catch (error) {
    return explain(error);
  }
}

// Exits explicitly: a pending read of standard input would keep the process alive.
if (import.meta.main) Deno.exit(await run(Deno.args));
