/** What Deno adds to a refusal: flags of a command line that nobody here types. */
const DENO_ADVICE = /, (?:run again with|specify the required permissions)\b.*$/s;

/** The message of anything that was thrown, without Deno's advice about its flags. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof Deno.errors.NotCapable)) return error.message;
  return error.message.replace(DENO_ADVICE, "");
}
