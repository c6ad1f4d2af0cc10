/**
 * The program in a package: the Deno runtime, the bundle, and a launcher that starts both with the
 * permissions that the configuration needs.
 *
 * Not a compiled binary: its permissions are fixed when it is compiled, so it could not be confined
 * to a configuration that the guest's administrator has changed.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import manifest from "../../deno.json" with { type: "json" };
import { shellWords } from "../../commands/permissions.ts";
import { brokerFlags } from "../../lib/platform/linux/privileged/broker_grants.ts";
import { HOOK_DIRECTORY } from "../../lib/platform/linux/privileged/freeze_hooks.ts";
import { OPERATIONS } from "../../lib/privileged/operations.ts";
import { UsageError } from "../../lib/base/command_line.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
const LIBRARY = "/usr/lib/kvmmanager-agent";
const LAUNCHER = "/usr/bin/kvmmanager-agent";
/** Deno itself, under a name that shows what runs. */
const RUNTIME = `${LIBRARY}/kvmmanager-agent`;

/** Debian's names of architectures, with Deno's and that of npm's package of the runtime. */
export const ARCHITECTURES = {
  amd64: { target: "x86_64-unknown-linux-gnu", npm: "@deno/linux-x64-glibc" },
  arm64: { target: "aarch64-unknown-linux-gnu", npm: "@deno/linux-arm64-glibc" },
} as const;

/** One of {@link ARCHITECTURES}. */
export type Architecture = keyof typeof ARCHITECTURES;

/** What the program is made of. */
export interface ProgramOptions {
  readonly architecture: Architecture;
  /** A deno executable for the architecture; by default the one that runs this. */
  readonly runtime: string | undefined;
}

/**
 * Puts the program into a package's tree.
 *
 * @throws {UsageError} when there is no runtime for the architecture.
 */
export async function installProgram(
  tree: string,
  { architecture, runtime }: ProgramOptions,
): Promise<void> {
  const { target, npm } = ARCHITECTURES[architecture];
  if (runtime === undefined && target !== Deno.build.target) {
    throw new UsageError(
      `no deno for ${architecture} on this machine: pass one with --runtime FILE ` +
        `(npm pack ${npm}@${Deno.version.deno} has it)`,
    );
  }
  await Deno.mkdir(`${tree}/usr/bin`, { recursive: true });
  await Deno.mkdir(`${tree}${LIBRARY}`, { recursive: true });
  await Deno.copyFile(runtime ?? Deno.execPath(), `${tree}${RUNTIME}`);
  // Only root may read it, so the kernel lets no other process read or change the memory of the
  // agent (ptrace(2), "dumpable").
  await Deno.chmod(`${tree}${RUNTIME}`, 0o711);
  await Deno.copyFile(`${ROOT}dist/agent.js`, `${tree}${LIBRARY}/agent.js`);
  await Deno.writeTextFile(`${tree}${LAUNCHER}`, launcher());
  await Deno.chmod(`${tree}${LAUNCHER}`, 0o755);
}

/** How the launcher finds its parts. */
export interface LauncherPaths {
  readonly runtime: string;
  readonly bundle: string;
}

/**
 * The launcher, a shell script. It asks the agent which permissions the command line needs and
 * becomes the agent with just those. install/lib/start has asked before and passes the answer in
 * KVMMANAGER_AGENT_FLAGS, so the service starts the runtime once.
 */
export function launcher(
  { runtime, bundle }: LauncherPaths = { runtime: RUNTIME, bundle: `${LIBRARY}/agent.js` },
): string {
  const environment = { ...manifest.environment, NO_COLOR: "1" };
  const exports = Object.entries(environment)
    .map(([name, value]) => `export ${name}=${shellWords([value])}`).join("\n");
  const flags = [...manifest.bundleFlags, `--v8-flags=${manifest.v8Flags.join(",")}`];
  const run = `${shellWords([runtime])} run --quiet ${flags.join(" ")}`;
  return `#!/bin/sh
# The agent, run by the Deno runtime with the permissions that its configuration needs. Generated.
${exports}
export DENO_DIR="\${DENO_DIR:-/var/cache/kvmmanager-agent}"

if [ "\${1-}" = permissions ]; then
	# It reads the configuration, wherever that is, and prints.
	exec ${run} --no-prompt --allow-read \\
		${shellWords([bundle])} "$@"
fi
if [ "\${1-}" = privileged ]; then
	# Always the same permissions: those of its operations. Root's runtime reads nothing that
	# belongs to the agent's user.
	export DENO_DIR=/run/kvmmanager-agent-privileged/cache
	hooks=
	for hook in ${HOOK_DIRECTORY}/*; do
		case \${hook##*/} in *[!A-Za-z0-9_-]*) ;; *) hooks=$hooks,$hook ;; esac
	done
	exec ${run} ${shellWords(brokerFlags(OPERATIONS))}"$hooks" ${shellWords([bundle])} "$@"
fi
flags=\${KVMMANAGER_AGENT_FLAGS-}
unset KVMMANAGER_AGENT_FLAGS
[ -n "$flags" ] || flags=$("$0" permissions "$@" </dev/null) || exit $?
set -- ${shellWords([bundle])} --self="$0" "$@"
# The agent has quoted each of them for a shell.
eval 'set -- '"$flags"' "$@"'
exec ${run} "$@"
`;
}
