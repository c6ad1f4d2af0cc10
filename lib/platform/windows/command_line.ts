/**
 * The command line of a program, as one text.
 *
 * @module
 */

/**
 * The words as one command line, which programs take apart again.
 *
 * Source: "Parsing C command-line arguments", Microsoft Learn.
 */
export function commandLine(words: readonly string[]): string {
  return words.map(quoted).join(" ");
}

function quoted(word: string): string {
  if (/^[^\s"]+$/.test(word)) return word;
  // Backslashes are doubled only where a quotation mark follows.
  const escaped = word.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1");
  return `"${escaped}"`;
}
