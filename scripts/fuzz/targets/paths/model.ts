/**
 * The path policy in a few lines, derived from its description, not from its code.
 *
 * @module
 */

import * as z from "zod";
import type { ErrorName } from "../../../../lib/base/errors.ts";

const TreeEntry = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("directory"), path: z.string() }),
  z.strictObject({ kind: z.literal("file"), path: z.string() }),
  z.strictObject({ kind: z.literal("link"), path: z.string(), to: z.string() }),
]);

/** Something in the tree; paths are counted from its base. */
export type TreeEntry = z.output<typeof TreeEntry>;

/** What is created, in this order. */
export const Tree = z.array(TreeEntry);

/** The request. */
export const Request = z.strictObject({
  method: z.enum(["file_read", "file_write"]),
  /** Below the base, not normalised. */
  path: z.string().check(z.refine((path) => path.startsWith("/"), "absolute")),
  createDirectories: z.boolean(),
  /** With an offset of 0, which writes into the file instead of replacing it. */
  inPlace: z.boolean(),
});

type Request = z.output<typeof Request>;

/** The expected outcome. */
export type Outcome =
  | { readonly kind: "read"; readonly path: string; readonly content: string }
  | {
    readonly kind: "written";
    readonly path: string;
    readonly content: string;
    readonly madeDirectories: readonly string[];
  }
  | {
    readonly kind: "refused";
    readonly because: readonly ErrorName[];
    readonly madeDirectories: readonly string[];
  };

const refused = (...because: ErrorName[]): Outcome => ({
  kind: "refused",
  because,
  madeDirectories: [],
});

const CONTENT = "written";

/**
 * The policy's decision about a request.
 *
 * @param tree Every path with `directory`, `link` or `file CONTENT`.
 * @param roots The allowed paths, counted from the base; "" is the base.
 */
export function expectedOf(
  tree: ReadonlyMap<string, string>,
  roots: readonly string[],
  request: Request,
): Outcome {
  const path = normal(request.path);
  // Above the base everything is outside.
  if (path === undefined) return refused("permissionDenied");
  const root = longest(roots.filter((one) => path === one || path.startsWith(`${one}/`)));
  if (root === undefined) return refused("permissionDenied");
  if (request.method === "file_write" && request.path.endsWith("/")) {
    return refused("invalidParams");
  }
  const above = leadsThrough(tree, root.slice(0, Math.max(0, root.lastIndexOf("/"))));
  if (above !== "directory" && request.method === "file_read") {
    return above === undefined ? refused("notFound") : refused("notFound", "commandFailed");
  }
  // From the allowed path itself on, nothing may be a link. The directories above it are trusted.
  const steps = stepsBelow(root, path);
  for (const step of steps) {
    const kind = tree.get(step);
    if (kind === "link") {
      // What a link leads nowhere may be told as that.
      return refused("permissionDenied", "notFound", "commandFailed");
    }
    const isLast = step === path;
    if (kind === undefined) {
      return request.method === "file_read" ? refused("notFound") : made(tree, path, step, request);
    }
    if (isLast) return atEnd(path, kind, request);
    if (kind !== "directory") return refused("commandFailed", "notFound");
  }
  return refused("notFound");
}

/** What the path names decides. */
function atEnd(path: string, kind: string, { method, inPlace }: Request): Outcome {
  if (kind === "directory") return refused("commandFailed");
  const content = kind.slice("file ".length);
  if (method === "file_read") return { kind: "read", path, content };
  const written = inPlace ? CONTENT + content.slice(CONTENT.length) : CONTENT;
  return { kind: "written", path, content: written, madeDirectories: [] };
}

/** A new file, of which `missing` and all below is not there yet. */
function made(
  tree: ReadonlyMap<string, string>,
  path: string,
  missing: string,
  { createDirectories }: Request,
): Outcome {
  const parent = missing.slice(0, missing.lastIndexOf("/"));
  if (leadsThrough(tree, parent) !== "directory") {
    return refused("notFound", "permissionDenied", "commandFailed");
  }
  const madeDirectories = stepsBelow(missing, path).filter((step) => step !== path);
  if (madeDirectories.length > 0 && !createDirectories) return refused("notFound");
  return { kind: "written", path, content: CONTENT, madeDirectories };
}

/** What blocks the way to a directory, or that it is a directory. */
function leadsThrough(tree: ReadonlyMap<string, string>, path: string): string | undefined {
  for (const step of stepsBelow("", path)) {
    if (tree.get(step) !== "directory") return tree.get(step);
  }
  return "directory";
}

/** The path and everything between it and `top`, from the top on. */
function stepsBelow(top: string, path: string): string[] {
  const below = path.slice(top.length).split("/").filter((name) => name !== "");
  return below.reduce((steps, name) => [...steps, `${steps.at(-1)}/${name}`], [top]);
}

/**
 * Whether a link leads to an allowed path: the administrator decides that, so it is not modelled.
 */
export const isLinkedRoot = (tree: ReadonlyMap<string, string>, root: string): boolean =>
  stepsBelow("", root).slice(0, -1).some((step) => tree.get(step) === "link");

const longest = (paths: readonly string[]): string | undefined =>
  paths.toSorted((a, b) => b.length - a.length)[0];

/** Without ".", ".." and doubled slashes; `undefined` if it climbs above the base. */
function normal(path: string): string | undefined {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") names.push(name);
    else if (names.pop() === undefined) return undefined;
  }
  return names.map((name) => `/${name}`).join("");
}
