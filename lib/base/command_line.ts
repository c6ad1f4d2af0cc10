/**
 * Shared by the command lines of the agent, the host and the scripts.
 *
 * @module
 */

/** The command line is invalid; the message is one line for a person. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * For `parseArgs`: refuses options that were not declared, and leaves positional arguments alone.
 *
 * @throws {UsageError} if `argument` is an option.
 */
export function refuseUnknown(argument: string, key?: string): boolean {
  if (key !== undefined) throw new UsageError(`unknown option ${argument}; see --help`);
  return true;
}

/**
 * Refuses an option with an empty argument as its value, of which `parseArgs` makes a further word:
 * call this before looking at the words.
 *
 * @param parsed What `parseArgs` collected for each of the options.
 * @throws {UsageError}
 */
export function refuseEmptyValues<Name extends string>(
  parsed: Readonly<Record<Name, readonly string[]>>,
  names: readonly Name[],
): void {
  const empty = names.find((name) => parsed[name].includes(""));
  if (empty !== undefined) throw new UsageError(`--${empty} needs a value`);
}

/**
 * The value of an option that `parseArgs` collected; `undefined` if it was not given.
 *
 * @throws {UsageError} if it was given more than once, or without a value.
 */
export function single(values: readonly string[], name: string): string | undefined {
  const [value, ...more] = values;
  if (more.length > 0) throw new UsageError(`--${name} was given more than once`);
  if (value === "") throw new UsageError(`--${name} needs a value`);
  return value;
}
