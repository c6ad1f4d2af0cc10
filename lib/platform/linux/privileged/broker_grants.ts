/**
 * The Deno permissions of the broker, which are the same for every request.
 *
 * @module
 */

import type { Operation } from "../../../privileged/operation.ts";
import { PROGRAM_DIRECTORIES } from "../programs.ts";
import { freezeSocketIn, RUNTIME_DIRECTORY } from "./freeze_session.ts";
import { LIBC_PATHS } from "./libc.ts";

/**
 * Programs of the broker itself: to read /proc, to find out which process is the agent, and to run
 * what goes on in the background.
 */
const OWN_PROGRAMS = ["cat", "systemctl", "systemd-run"] as const;

/** What tests change. */
export interface BrokerPlaces {
  /** @default {"/run/kvmmanager-agent-privileged"} */
  readonly directory?: string | undefined;
  /** The hooks, by their paths. */
  readonly hooks?: readonly string[];
}

/** The places that tests give to a broker on its command line. */
export function brokerPlaces(args: readonly string[]): BrokerPlaces {
  const valueOf = (name: string) =>
    args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
  const hooks = valueOf("hooks");
  return {
    directory: valueOf("directory"),
    hooks: hooks === undefined
      ? []
      : [...Deno.readDirSync(hooks)].map(({ name }) => `${hooks}/${name}`),
  };
}

/**
 * The permissions as command-line flags of `deno run`. Reading is the least of what root may do, and
 * the configuration can be anywhere; writing is limited to the directory in which brokers find each
 * other, and running to what is listed.
 */
export function brokerFlags(
  operations: readonly Operation[],
  { directory = RUNTIME_DIRECTORY, hooks = [] }: BrokerPlaces = {},
): string[] {
  const names = new Set([...OWN_PROGRAMS, ...operations.flatMap(({ programs }) => programs)]);
  const paths = [...names].sort().flatMap((name) =>
    name.startsWith("/") ? [name] : PROGRAM_DIRECTORIES.map((place) => `${place}/${name}`)
  );
  return [
    "--no-prompt",
    "--allow-read",
    `--allow-write=${directory}`,
    `--allow-net=unix:${freezeSocketIn(directory)}`,
    "--allow-sys=umask",
    `--allow-ffi=${LIBC_PATHS.join(",")}`,
    // Last, so that the launcher can add the hooks.
    `--allow-run=${[...paths, ...hooks].join(",")}`,
  ];
}
