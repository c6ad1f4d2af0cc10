/**
 * The program in a package: one compiled binary, or the runtime, the bundle and a launcher that
 * starts them as the binary would.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import manifest from "../../deno.json" with { type: "json" };
import { EXIT } from "../../commands/usage.ts";
import { UsageError } from "../../lib/base/command_line.ts";
import { DEFAULT_CONFIG } from "../../lib/config/schema.ts";
import { binaryArguments } from "../compile.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
const LIBRARY = "/usr/lib/kvmmanager-agent";

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
  /** A deno executable for the architecture. */
  readonly runtime: string | undefined;
  /** A directory for what is not kept. */
  readonly workshop: string;
}

/**
 * Puts the program into a package's tree.
 *
 * @returns What it is, in words for the package's description.
 * @throws {UsageError} when there is no runtime for the architecture.
 */
export async function installProgram(
  tree: string,
  { architecture, runtime, workshop }: ProgramOptions,
): Promise<string> {
  await Deno.mkdir(`${tree}/usr/bin`, { recursive: true });
  const { target, npm } = ARCHITECTURES[architecture];
  const binary = `${tree}/usr/bin/kvmmanager-agent`;
  if (runtime === undefined && await compile(target, `${workshop}/compiled`)) {
    await Deno.rename(`${workshop}/compiled`, binary);
    return "one compiled binary";
  }
  if (runtime === undefined && target !== Deno.build.target) {
    throw new UsageError(
      `neither denort nor deno is here for ${architecture}: --runtime FILE gives the latter ` +
        `(npm pack ${npm}@${Deno.version.deno} has it)`,
    );
  }
  await Deno.mkdir(`${tree}${LIBRARY}`, { recursive: true });
  await Deno.copyFile(runtime ?? Deno.execPath(), `${tree}${LIBRARY}/deno`);
  await Deno.chmod(`${tree}${LIBRARY}/deno`, 0o755);
  await Deno.copyFile(`${ROOT}dist/agent.js`, `${tree}${LIBRARY}/agent.js`);
  await Deno.writeTextFile(binary, launcher());
  await Deno.chmod(binary, 0o755);
  return "the Deno runtime and the agent as a bundle";
}

/** Whether there is a compiled binary now; there is none where denort cannot be had. */
async function compile(target: string, output: string): Promise<boolean> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${ROOT}scripts/compile.ts`, "--target", target, "--output", output],
    stdin: "null",
    stdout: "null",
  }).output();
  if (code === EXIT.ok) return true;
  if (code === EXIT.unavailable) return false;
  throw new Error(new TextDecoder().decode(stderr).trim());
}

const quoted = (word: string) =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** A script that does what the compiled binary would: the same flags, the same baked arguments. */
function launcher(): string {
  const { flags, baked } = binaryArguments(DEFAULT_CONFIG, "/usr/bin/kvmmanager-agent");
  const environment = { ...manifest.environment, NO_COLOR: "1" };
  const words = [
    ...["run", "--quiet", ...manifest.bundleFlags, ...flags],
    `${LIBRARY}/agent.js`,
    ...baked,
  ];
  return `#!/bin/sh
# The agent, started by the Deno runtime with the permissions and the arguments
# that a compiled binary would have in it. Generated.
${Object.entries(environment).map(([name, value]) => `export ${name}=${quoted(value)}`).join("\n")}
: "\${DENO_DIR:=/var/cache/kvmmanager-agent}"
export DENO_DIR
exec ${LIBRARY}/deno ${words.map(quoted).join(" \\\n  ")} "$@"
`;
}
