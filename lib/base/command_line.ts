/**
 * What both command lines share: the error of wrong use, and options that come once.
 *
 * @module
 */

/** The command line was wrong; the message is one line for a person. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** For `parseArgs`: an option that nobody declared is wrong use, a word is none of its business. */
export function refuseUnknown(argument: string, key?: string): boolean {
  if (key !== undefined) throw new UsageError(`unknown option ${argument}; see --help`);
  return true;
}

/**
 * The value of an option that was collected; `undefined` where it was not given.
 *
 * @throws {UsageError} when it was given twice, or without a value.
 */
export function single(values: readonly string[], name: string): string | undefined {
  const [value, ...more] = values;
  if (more.length > 0) throw new UsageError(`--${name} was given more than once`);
  if (value === "") throw new UsageError(`--${name} needs a value`);
  return value;
}
