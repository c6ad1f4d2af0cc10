/**
 * Counts the values in a JSON text. Parsed, each takes up to 200 bytes, however short it is: a line
 * of 64 kB can become several megabytes of objects.
 *
 * @module
 */

/** The most members and elements of one message: room for all that `exec_command` takes at most. */
export const MAX_VALUES = 6000;

/** What comes before a value, or after it. The engine replaces single characters natively. */
const MARK_REGEXPS = [/,/g, /\[/g, /\{/g];

/**
 * Members and elements of the text, roughly. Counting stops beyond
 * {@link MAX_VALUES}. The text need not be valid JSON.
 */
export function countJsonValues(text: string): number {
  const values = countMarks(text);
  // Strings contain commas too. They are only examined if that makes a difference.
  return values > MAX_VALUES ? countMarks(withoutStrings(text)) : values;
}

function countMarks(text: string): number {
  let values = 0;
  for (const mark of MARK_REGEXPS) {
    values += text.length - text.replace(mark, "").length;
    if (values > MAX_VALUES) return values;
  }
  return values;
}

const withoutStrings = (text: string) => text.replace(/\\./g, "").replace(/"[^"]*"/g, "");
