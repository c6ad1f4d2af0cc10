/**
 * The V8 flags that the agent can be measured with.
 *
 * @module
 */

import manifest from "../../deno.json" with { type: "json" };

/** Without a compiler, as shipped, or with only the baseline compiler. */
export const COMPILERS = ["none", "sparkplug"] as const;
export type Compiler = typeof COMPILERS[number];

const SPARKPLUG = ["--no-opt", "--no-maglev", "--sparkplug", "--always-sparkplug"] as const;

/** The shipped V8 flags, with another compiler. Sparkplug needs memory that is executable. */
export function v8FlagsFor(compiler: Compiler): readonly string[] {
  const rest = manifest.v8Flags.filter((flag) =>
    flag !== "--jitless" && !SPARKPLUG.some((known) => known === flag)
  );
  return compiler === "none" ? ["--jitless", ...rest] : [...SPARKPLUG, ...rest];
}
