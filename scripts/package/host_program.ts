/**
 * The programs in the host's package: one Deno runtime, the bundles of hostd and ctl, a launcher for
 * each with the permissions of its task, and the completion that ctl prints for the shells.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { shellWords } from "../../commands/permissions.ts";
import manifest from "../../deno.json" with { type: "json" };
import { taskFlags } from "../task_flags.ts";
import { runTool } from "../vm/tools.ts";
import { place } from "./product.ts";
import { ownRuntime, type ProgramOptions } from "./program.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
const LIBRARY = "/usr/lib/kvmmanager-host";

/** Where each program is started. */
const LAUNCHERS = { hostd: "/usr/sbin/kvmmanager-hostd", ctl: "/usr/bin/kvmmanager-ctl" } as const;

/** Where each shell looks for the completion of a program. */
const COMPLETIONS = {
  bash: "/usr/share/bash-completion/completions/kvmmanager-ctl",
  zsh: "/usr/share/zsh/vendor-completions/_kvmmanager-ctl",
  fish: "/usr/share/fish/vendor_completions.d/kvmmanager-ctl.fish",
} as const;

/**
 * Puts the programs into a package's tree.
 *
 * @throws {UsageError} when there is no runtime for the architecture.
 */
export async function installHostPrograms(tree: string, options: ProgramOptions): Promise<void> {
  const { architecture, runtime = ownRuntime(architecture), prefix = "" } = options;
  const library = `${tree}${LIBRARY}`;
  await Deno.mkdir(library, { recursive: true });
  await Deno.copyFile(runtime, `${library}/deno`);
  await Deno.chmod(`${library}/deno`, 0o755);
  for (const program of ["hostd", "ctl"] as const) {
    await place(tree, { source: `dist/${program}.js`, target: `${LIBRARY}/${program}.js` });
    await place(tree, {
      source: { text: hostLauncher(program, prefix) },
      target: LAUNCHERS[program],
      mode: 0o755,
    });
  }
  for (const [shell, target] of Object.entries(COMPLETIONS)) {
    // This machine's runtime: the package's may be for another architecture.
    const text = await runTool(Deno.execPath(), [
      ...["run", "--quiet", ...manifest.bundleFlags, ...taskFlags("ctl")],
      ...[`${ROOT}dist/ctl.js`, "completion", shell],
    ]);
    await place(tree, { source: { text: `${text.trim()}\n` }, target });
  }
}

/** The launcher of a program, a shell script. @param prefix Where the package's tree is. */
export function hostLauncher(program: keyof typeof LAUNCHERS, prefix = ""): string {
  const library = `${prefix}${LIBRARY}`;
  const words = [
    ...[`${library}/deno`, "run", "--quiet", ...manifest.bundleFlags, ...taskFlags(program)],
    `${library}/${program}.js`,
  ];
  return `#!/bin/sh
# Run by the Deno runtime, with the permissions that it needs. Generated.
export DENO_NO_UPDATE_CHECK=1
# Nothing is to be kept, and nothing can be made there.
export DENO_DIR=/dev/null/none
exec ${shellWords(words)} "$@"
`;
}
