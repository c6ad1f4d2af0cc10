/**
 * Reads from the text of source files what they import.
 *
 * @module
 */

import { dirname, resolve } from "@std/path/posix";

/** One import, whether of values or of types. */
export interface Import {
  /** The importing file, from the root of the repository. */
  readonly from: string;
  readonly line: number;
  /** The text in the quotes. */
  readonly specifier: string;
}

/** An import of one file by another, both from the root of the repository. */
export interface Edge extends Import {
  readonly to: string;
}

/** An import() with a computed argument, so its target is unknown. */
export class ComputedImport extends Error {}

const STATIC = /^(?:import|export)\b(?:[^;"'`()]*?\bfrom)?\s*(["'])([^"']+)\1/gm;
const DYNAMIC = /\bimport\s*\(\s*(?:(["'`])([^"'`$]+)\1)?/g;

/**
 * The imports in a file's text: `import`, `import type`, `export … from`, imports for side effects,
 * `import()` and types of the form `import("…").T`. Relies on `deno fmt` to start each static
 * import or export on its own line.
 *
 * @throws {ComputedImport} if `import()` is called with anything but a plain string.
 */
export function importsOf(from: string, text: string): Import[] {
  // Blanked rather than removed: lines keep their numbers.
  const code = text.replace(/^\s*(?:\*|\/\*|\/\/).*$/gm, "");
  const lineAt = (index: number) => code.slice(0, index).split("\n").length;
  const found: Import[] = [];
  for (const { 2: specifier = "", index } of code.matchAll(STATIC)) {
    found.push({ from, line: lineAt(index), specifier });
  }
  for (const { 2: specifier, index } of code.matchAll(DYNAMIC)) {
    if (specifier === undefined) {
      throw new ComputedImport(`${from}:${lineAt(index)}: import() needs a plain string`);
    }
    found.push({ from, line: lineAt(index), specifier });
  }
  return found;
}

/** The file that a relative import names, from the root; `undefined` for a package. */
export const targetOf = ({ from, specifier }: Import): string | undefined =>
  specifier.startsWith(".") ? resolve("/", dirname(from), specifier).slice(1) : undefined;

/** A circle of files that import each other, starting and ending with the same file, if any. */
export function circleIn(edges: readonly Edge[]): string[] | undefined {
  const next = Map.groupBy(edges, ({ from }) => from);
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const { to } of next.get(file) ?? []) {
      const circle = visit(to);
      if (circle !== undefined) return circle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of next.keys()) {
    const circle = visit(file);
    if (circle !== undefined) return circle;
  }
  return undefined;
}
