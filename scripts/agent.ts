/**
 * `deno task agent`: runs the agent from source with exactly the permissions its configuration needs.
 * With `--bundled` as the first argument it runs dist/agent.js instead. The subcommand `privileged` is
 * the broker, a program of its own, as it is in the package.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { flagsFor } from "../commands/permissions.ts";
import { LINUX } from "../lib/platform/linux/mod.ts";
import { brokerFlags, brokerPlaces } from "../lib/platform/linux/privileged/broker_grants.ts";
import { OPERATIONS } from "../lib/privileged/operations.ts";
import manifest from "../deno.json" with { type: "json" };

const ROOT = fromFileUrl(new URL("..", import.meta.url));

/** The arguments for `deno` that start the agent with the given command line. */
export async function agentCommand(
  args: readonly string[],
  { bundled }: { bundled: boolean },
): Promise<string[]> {
  const [first, ...rest] = args;
  const program = first === "privileged"
    ? {
      source: "main_broker.ts",
      bundle: "broker.js",
      flags: brokerFlags(OPERATIONS, brokerPlaces(rest)),
      args: rest,
    }
    : { source: "main.ts", bundle: "agent.js", flags: await flagsFor(args, LINUX), args };
  return [
    "run",
    "--quiet",
    // The bundle needs neither Deno's package resolution nor its caches, which take memory.
    ...(bundled ? manifest.bundleFlags : [`--config=${ROOT}deno.json`]),
    `--v8-flags=${manifest.v8Flags.join(",")}`,
    ...program.flags,
    bundled ? `${ROOT}dist/${program.bundle}` : `${ROOT}${program.source}`,
    ...program.args,
  ];
}

/** The environment of the agent, besides inherited variables. */
export const AGENT_ENVIRONMENT: Readonly<Record<string, string>> = manifest.environment;

if (import.meta.main) {
  const bundled = Deno.args[0] === "--bundled";
  const args = await agentCommand(bundled ? Deno.args.slice(1) : Deno.args, { bundled });
  const agent = new Deno.Command(Deno.execPath(), { args, env: AGENT_ENVIRONMENT }).spawn();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      try {
        agent.kill(signal);
      } catch {
        // It has already exited.
      }
    });
  }
  Deno.exit((await agent.status).code);
}
