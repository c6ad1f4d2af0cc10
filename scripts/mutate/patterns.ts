/**
 * Mutations of a source text: small faults that a test should notice.
 *
 * The patterns work on lines, so they also reach the shell scripts in string literals, which
 * JavaScript mutation testers leave out.
 *
 * @module
 */

/** One change of one line. */
export interface Mutation {
  /** Counted from 1. */
  readonly line: number;
  /** What was changed, for a person. */
  readonly what: string;
  /** The whole text with the change. */
  readonly text: string;
}

/** One kind of fault: `find` is replaced in a line, once for each match. */
interface Swap {
  readonly find: RegExp;
  readonly put: string;
}

const SWAPS: readonly Swap[] = [
  { find: / === /g, put: " !== " },
  { find: / !== /g, put: " === " },
  { find: / < /g, put: " <= " },
  { find: / <= /g, put: " < " },
  { find: / > /g, put: " >= " },
  { find: / >= /g, put: " > " },
  { find: / && /g, put: " || " },
  { find: / \|\| /g, put: " && " },
  { find: / \?\? [^;,)]+/g, put: "" },
  { find: / \+ 1\b/g, put: "" },
  { find: / - 1\b/g, put: "" },
  { find: / \+= /g, put: " -= " },
  { find: /\btrue\b/g, put: "false" },
  { find: /\bfalse\b/g, put: "true" },
  // Never and always, whatever operators follow.
  { find: /\bif \(/g, put: "if (1 ? 0 : " },
  { find: /\bif \(/g, put: "if (1 || " },
  { find: /\.some\(/g, put: ".every(" },
  { find: /\.every\(/g, put: ".some(" },
  { find: /"SIGKILL"/g, put: '"SIGCONT"' },
  { find: /\b(?:await )?using (?=\w+ =)/g, put: "const " },
  // In shell scripts.
  { find: /\bset -C\b/g, put: ":" },
  { find: / -P\b/g, put: "" },
  { find: /\bexec (?!\d*[<>])(?=[\w"$])/g, put: "" },
];

/** A statement on one line that can be left out: a call, an assignment, a throw or a jump. */
const STATEMENT =
  /^\s+(?:await |void )?(?:(?:this\.|super\.)?#?[\w$]+(?:\??\.#?[\w$]+)*(?:\(.*\)| [-+*/|&]?= .+)|throw .+|return|continue|break);$/;
/** Lines without code that runs. */
const NEVER =
  /^\s*(?:\*|\/\/|\/\*|import\b|export (?:type|interface)\b|type\b|interface\b|readonly\b)/;

/** Every mutation of a text. */
export function mutationsOf(source: string): Mutation[] {
  const lines = source.split("\n");
  const inTemplate = templateLines(lines);
  return lines.flatMap((line, index) => {
    if (NEVER.test(line)) return [];
    const put = (changed: string | undefined, what: string): Mutation => ({
      line: index + 1,
      what,
      text: lines.toSpliced(index, 1, ...(changed === undefined ? [] : [changed])).join("\n"),
    });
    const isScript = inTemplate.has(index);
    const leftOut = STATEMENT.test(line) || isScript && line.trim() !== "";
    return [
      ...(leftOut ? [put(undefined, `left out: ${line.trim()}`)] : []),
      ...SWAPS.flatMap(({ find, put: text }) =>
        [...line.matchAll(find)].map((match) => {
          const changed = line.slice(0, match.index) + text +
            line.slice(match.index + match[0].length);
          return put(changed, `${line.trim()}  →  ${changed.trim()}`);
        })
      ),
    ];
  });
}

/** The lines that lie completely within a multi-line template, such as a shell script. */
function templateLines(lines: readonly string[]): ReadonlySet<number> {
  const within = new Set<number>();
  let isOpen = false;
  for (const [index, line] of lines.entries()) {
    if (NEVER.test(line) && !isOpen) continue;
    const ticks = line.replace(/\\`/g, "").split("`").length - 1;
    if (isOpen && ticks === 0) within.add(index);
    if (ticks % 2 === 1) isOpen = !isOpen;
  }
  return within;
}
