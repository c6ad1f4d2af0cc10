/**
 * Turns anything that was thrown into text for a person.
 *
 * Deno ends its refusals with advice about its own command line ("run again with the --allow-read
 * flag", in a compiled binary "specify the required permissions during compilation"). The agent's
 * permissions come from its configuration, so that advice is wrong here and is always cut off.
 *
 * @module
 */

const ADVICE_REGEXP =
  /, (?:run again with|specify the required permissions)\b[^\n]*| Alternatively, spawn with[^\n]*/g;
const VARIABLE_REGEXP = /Requires --allow-run permissions to spawn subprocess with (\S+)/;

/** The message of anything that was thrown, without Deno's advice. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof Deno.errors.NotCapable ? withoutAdvice(error.message) : error.message;
}

/** The stack of anything that was thrown, or its message if it has none: only for the log. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error) || error.stack === undefined) return messageOf(error);
  return error instanceof Deno.errors.NotCapable ? withoutAdvice(error.stack) : error.stack;
}

const withoutAdvice = (text: string): string =>
  text.replace(ADVICE_REGEXP, "").replace(VARIABLE_REGEXP, "A command must not have the $1");
