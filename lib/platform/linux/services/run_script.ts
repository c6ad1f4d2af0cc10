/**
 * Runs a fixed script for the programs that manage services; tests replace it.
 *
 * @module
 */

/** Resolves to what the script prints. */
export type RunScript = (
  code: string,
  args: readonly string[],
  signal: AbortSignal,
) => Promise<string>;
