/**
 * Reads what a declaration file declares: its modules and the names of their values.
 *
 * @module
 */

/** By module, the functions, classes and constants that it is said to export. */
export type Declared = ReadonlyMap<string, readonly string[]>;

const MODULE_REGEXP = /^declare module "([^"]+)" \{$/;
const EXPORT_REGEXP = /^ {2}export (?:(?:function|class|const) (\w+)|(?:interface|type) \w+)[^]*$/;

/**
 * Reads declarations that are laid out as `deno fmt` does.
 *
 * @throws {Error} for an export that it does not understand, which would go unchecked.
 */
export function readDeclarations(text: string): Declared {
  const declared = new Map<string, string[]>();
  let names: string[] | undefined;
  for (const line of text.split("\n")) {
    const module = MODULE_REGEXP.exec(line)?.[1];
    if (module !== undefined) {
      names = declared.get(module) ?? [];
      declared.set(module, names);
    }
    if (!/^\s*export\b/.test(line)) continue;
    const found = EXPORT_REGEXP.exec(line);
    if (found === null || names === undefined) {
      throw new Error(
        `not understood, change scripts/check_std_types/declarations.ts: ${line.trim()}`,
      );
    }
    if (found[1] !== undefined && !names.includes(found[1])) names.push(found[1]);
  }
  return declared;
}
