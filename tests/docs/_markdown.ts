/**
 * Reads Markdown: links, headings, code spans and fenced blocks.
 *
 * @module
 */

/** The root of the repository. */
export const ROOT = new URL("../../", import.meta.url);

/** A page of the repository. */
export interface Page {
  /** Relative to the root, for example `docs/security.md`. */
  readonly path: string;
  readonly text: string;
  /** {@link text} without its fenced blocks. */
  readonly prose: string;
}

const FENCED_REGEXP = /^```(\w*)\n(.*?)^```$/gms;

/** Reads a page. */
export async function readPage(path: string): Promise<Page> {
  const text = await Deno.readTextFile(new URL(path, ROOT));
  return { path, text, prose: text.replace(FENCED_REGEXP, "") };
}

/** Every page written for people: those of the root and of docs/. */
export async function readPages(): Promise<Page[]> {
  const paths = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];
  for await (const { name } of Deno.readDir(new URL("docs", ROOT))) {
    if (name.endsWith(".md")) paths.push(`docs/${name}`);
  }
  return await Promise.all(paths.sort().map(readPage));
}

/** The fenced blocks of a page in one language. */
export const fencedBlocks = ({ text }: Page, language: string): string[] =>
  [...text.matchAll(FENCED_REGEXP)].filter(([, found]) => found === language)
    .map(([, , code = ""]) => code);

/** The code spans in the prose of a page. */
export const codeSpans = ({ prose }: Page): string[] =>
  [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);

/** The targets of the links and images in the prose of a page. */
export const linkTargets = ({ prose }: Page): string[] =>
  [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);

/** The anchors GitHub generates for the headings of a page. */
export const anchors = ({ prose }: Page): string[] =>
  [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );

/** The text of a section, from its heading to the next of the same level. */
export function section({ text, path }: Page, heading: string): string {
  const found = text.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0];
  if (found === undefined) throw new Error(`${path} has no section "${heading}"`);
  return found;
}
