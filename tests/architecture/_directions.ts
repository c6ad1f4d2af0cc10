/**
 * The directions of imports, as CONTRIBUTING.md lists them: the page and the tests share one list.
 *
 * @module
 */

/** What CONTRIBUTING.md allows. */
export interface Directions {
  /** For each part of the tree, the parts that it may import. */
  readonly allowed: ReadonlyMap<string, readonly string[]>;
}

/** A block of CONTRIBUTING.md that starts with ```directions, one part a line: `part → part, part`. */
const BLOCK = /^```directions\n(.*?)^```$/ms;

/**
 * Reads the list from the page.
 *
 * @throws {Error} if there is no such block, or it names a part that has no line.
 */
export function parseDirections(page: string): Directions {
  const block = BLOCK.exec(page)?.[1];
  if (block === undefined) throw new Error("CONTRIBUTING.md has no block ```directions");
  const allowed = new Map<string, readonly string[]>();
  for (const line of block.split("\n").filter((line) => line.trim() !== "")) {
    const [part = "", targets = ""] = line.split("→").map((text) => text.trim());
    allowed.set(part, targets.split(",").map((name) => name.trim()).filter((name) => name !== ""));
  }
  for (const [part, targets] of allowed) {
    for (const target of targets) {
      if (!allowed.has(target)) throw new Error(`${part} → ${target}: ${target} has no line`);
    }
  }
  return { allowed };
}

/** The part of the tree that a file belongs to: `main`, a top folder, or a folder in lib/. */
export function partOf(file: string): string {
  const [top = "", folder = ""] = file.split("/");
  if (top === "lib") return folder;
  return top.replace(/(?:_windows|_broker)?\.ts$/, "");
}
