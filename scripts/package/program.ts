/**
 * The program in a package: the Deno runtime, the bundles of the agent and of its broker, and a
 * launcher that starts them with the permissions that they need.
 *
 * Not a compiled binary: its permissions are fixed when it is compiled, so it could not be confined
 * to a configuration that the guest's administrator has changed.
 *
 * With its own C library it runs on any Linux of its processor: the dynamic loader is started in the
 * place of the runtime and gets the runtime's path as an argument. It has the name and the mode that
 * the runtime has elsewhere: the kernel judges by the program that was started.
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
/** Where the program is in a guest. */
export const LIBRARY = "/usr/lib/kvmmanager-agent";
/** What starts it. */
export const LAUNCHER = "/usr/bin/kvmmanager-agent";

/** Debian's names of architectures, with Deno's, npm's package of the runtime, and the C library's. */
export const ARCHITECTURES = {
  amd64: {
    target: "x86_64-unknown-linux-gnu",
    npm: "@deno/linux-x64-glibc",
    loader: "ld-linux-x86-64.so.2",
    libraries: ["/lib/x86_64-linux-gnu", "/usr/x86_64-linux-gnu/lib"],
    packages: ["libc6-amd64-cross", "libgcc-s1-amd64-cross"],
  },
  arm64: {
    target: "aarch64-unknown-linux-gnu",
    npm: "@deno/linux-arm64-glibc",
    loader: "ld-linux-aarch64.so.1",
    libraries: ["/lib/aarch64-linux-gnu", "/usr/aarch64-linux-gnu/lib"],
    packages: ["libc6-arm64-cross", "libgcc-s1-arm64-cross"],
  },
} as const;

/** One of {@link ARCHITECTURES}. */
export type Architecture = keyof typeof ARCHITECTURES;

/** What Deno needs besides the loader (its NEEDED entries). */
const LIBRARIES = [
  "libc.so.6",
  "libdl.so.2",
  "libgcc_s.so.1",
  "libm.so.6",
  "libpthread.so.0",
  "librt.so.1",
] as const;

/** What the program is made of. */
export interface ProgramOptions {
  readonly architecture: Architecture;
  /** A deno executable for the architecture; by default the one that runs this. */
  readonly runtime: string | undefined;
  /** Whether it brings its own C library. */
  readonly ownLibraries: boolean;
  /** Where the tree will be, for a program that runs in its tree. @default "" */
  readonly prefix?: string;
}

/**
 * Puts the program into a package's tree.
 *
 * @throws {UsageError} when there is no runtime or no C library for the architecture.
 */
export async function installProgram(tree: string, options: ProgramOptions): Promise<void> {
  const { architecture, ownLibraries, prefix = "" } = options;
  const runtime = options.runtime ?? ownRuntime(architecture);
  const library = `${tree}${LIBRARY}`;
  await Deno.mkdir(library, { recursive: true });
  const started = ownLibraries ? await findLibrary(architecture, "loader") : runtime;
  await Deno.copyFile(started, `${library}/kvmmanager-agent`);
  // Only root may read it, so the kernel lets no other process read or change the memory of the
  // agent (ptrace(2), "dumpable").
  await Deno.chmod(`${library}/kvmmanager-agent`, 0o711);
  if (ownLibraries) {
    await Deno.copyFile(runtime, `${library}/deno`);
    await Deno.chmod(`${library}/deno`, 0o755);
    await Deno.mkdir(`${library}/lib`);
    for (const name of LIBRARIES) {
      await Deno.copyFile(await findLibrary(architecture, name), `${library}/lib/${name}`);
      await Deno.chmod(`${library}/lib/${name}`, 0o644);
    }
  }
  await installBundles(tree, `${ROOT}dist`, launcherPaths(prefix, ownLibraries));
}

/**
 * Puts the program without its runtime into a tree: the bundles and the launcher.
 *
 * @param from The directory with the bundles.
 * @param paths What the launcher starts; by default a runtime that uses the system's C library.
 */
export async function installBundles(
  tree: string,
  from: string,
  paths?: LauncherPaths,
): Promise<void> {
  const library = `${tree}${LIBRARY}`;
  await Deno.mkdir(`${tree}/usr/bin`, { recursive: true });
  await Deno.mkdir(library, { recursive: true });
  for (const bundle of ["agent.js", "broker.js"]) {
    await Deno.copyFile(`${from}/${bundle}`, `${library}/${bundle}`);
    await Deno.chmod(`${library}/${bundle}`, 0o644);
  }
  await Deno.writeTextFile(`${tree}${LAUNCHER}`, launcher(paths));
  await Deno.chmod(`${tree}${LAUNCHER}`, 0o755);
}

/**
 * The deno that runs this, if it is one for the architecture.
 *
 * @throws {UsageError} if it is not.
 */
export function ownRuntime(architecture: Architecture): string {
  const { target, npm } = ARCHITECTURES[architecture];
  if (target === Deno.build.target) return Deno.execPath();
  throw new UsageError(
    `no deno for ${architecture} on this machine: pass one with --runtime FILE ` +
      `(npm pack ${npm}@${Deno.version.deno} has it)`,
  );
}

/**
 * The path of a library for an architecture, or of its loader.
 *
 * @throws {UsageError} when this machine has none, with the packages to install.
 */
export async function findLibrary(
  architecture: Architecture,
  name: typeof LIBRARIES[number] | "loader",
): Promise<string> {
  const { libraries, loader, packages } = ARCHITECTURES[architecture];
  for (const directory of libraries) {
    try {
      return await Deno.realPath(`${directory}/${name === "loader" ? loader : name}`);
    } catch {
      // Not in this directory.
    }
  }
  throw new UsageError(
    `no C library for ${architecture} on this machine; on Debian: apt-get install ` +
      packages.join(" "),
  );
}

/**
 * The paths in a package's launcher.
 *
 * @param prefix Where the tree is, if not at the root.
 * @param ownLibraries Whether the program brings its own C library.
 */
export const launcherPaths = (prefix: string, ownLibraries: boolean): LauncherPaths => {
  const library = `${prefix}${LIBRARY}`;
  const started = `${library}/kvmmanager-agent`;
  return {
    runtime: ownLibraries
      ? [started, "--library-path", `${library}/lib`, `${library}/deno`]
      : [started],
    bundle: `${library}/agent.js`,
    broker: `${library}/broker.js`,
  };
};

/** How the launcher finds its parts. */
export interface LauncherPaths {
  /** The runtime, or the loader with its arguments. */
  readonly runtime: readonly string[];
  /** The agent's bundle. */
  readonly bundle: string;
  /** The broker's. */
  readonly broker: string;
}

/**
 * The launcher, a shell script. It asks the agent which permissions the command line needs and
 * becomes the agent with just those. install/lib/start has asked before and passes the answer in
 * KVMMANAGER_AGENT_FLAGS, so the service starts the runtime once.
 */
export function launcher(
  { runtime, bundle, broker }: LauncherPaths = launcherPaths("", false),
): string {
  const environment = { ...manifest.environment, NO_COLOR: "1" };
  const exports = Object.entries(environment)
    .map(([name, value]) => `export ${name}=${shellWords([value])}`).join("\n");
  const flags = [...manifest.bundleFlags, `--v8-flags=${manifest.v8Flags.join(",")}`];
  const run = `${shellWords(runtime)} run --quiet ${flags.join(" ")}`;
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
	shift
	exec ${run} ${shellWords(brokerFlags(OPERATIONS))}"$hooks" ${shellWords([broker])} "$@"
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
