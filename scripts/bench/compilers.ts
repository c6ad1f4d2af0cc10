/**
 * The V8 flags that the agent can be measured with.
 *
 * @module
 */

import manifest from "../../deno.json" with { type: "json" };

/** Without a compiler, as shipped, or with one for the functions that are called most. */
export const COMPILERS = ["none", "maglev"] as const;
export type Compiler = typeof COMPILERS[number];

/**
 * Maglev alone, with as little memory as it can do with: no other compiler, no thread and no arena
 * of its own, no copy of the built-in functions beside the code, nothing compiled at the start.
 */
const MAGLEV = [
  "--maglev",
  "--no-opt",
  "--no-sparkplug",
  "--no-maglev-inlining",
  "--no-concurrent-recompilation",
  "--invocation-count-for-maglev=2000",
  "--no-short-builtin-calls",
  "--regexp-interpret-all",
] as const;

/** The shipped V8 flags, with another compiler. A compiler needs memory that is executable. */
export function v8FlagsFor(compiler: Compiler): readonly string[] {
  if (compiler === "none") return manifest.v8Flags;
  return [...MAGLEV, ...manifest.v8Flags.filter((flag) => flag !== "--jitless")];
}
