/**
 * Which paths a request may name: the lexical half of the path policy.
 *
 * The platform does the other half: it makes sure that no symbolic link leads away from such a
 * path.
 *
 * @module
 */

import { dirname, normalize } from "@std/path/posix";
import { invalidParams, permissionDenied } from "../base/errors.ts";

/**
 * How a platform writes paths. Every decision about a path of a request or of the configuration is
 * made with these, never by comparing text.
 */
export interface PathRules {
  /**
   * The absolute, lexically normalised form of a path from a request.
   *
   * @param parameter Its name, for the refusal.
   * @throws {RpcError} -32602 for a path that is not absolute or malformed.
   */
  normalize(path: string, parameter?: string): string;
  /** Whether `path` is `root` or below it, by whole components; both are normalised. */
  isInside(path: string, root: string): boolean;
  /** The directory of a normalised path; that of a root is the root. */
  parentOf(path: string): string;
}

/** PATH_MAX of Linux (limits.h), in bytes, without the final NUL. */
const MAX_PATH_BYTES = 4096;

/** Why text with an unpaired surrogate is refused: it would be altered in transit. */
export const LONE_SURROGATE = "must not contain an unpaired surrogate, which UTF-8 cannot encode";

const encoder = new TextEncoder();

/**
 * The absolute, lexically normalised form of a path from a request.
 *
 * @param parameter Its name, for the refusal.
 *
 * @throws {RpcError} -32602 for a relative path, a NUL, or more than 4096 bytes.
 */
export function normalizePath(path: string, parameter = "path"): string {
  if (!path.startsWith("/")) {
    throw invalidParams(`${parameter} must be absolute, received ${JSON.stringify(cut(path))}`);
  }
  if (!path.isWellFormed()) throw invalidParams(`${parameter} ${LONE_SURROGATE}`);
  if (path.includes("\0")) throw invalidParams(`${parameter} must not contain NUL`);
  const bytes = path.length > MAX_PATH_BYTES ? path.length : encoder.encode(path).byteLength;
  if (bytes > MAX_PATH_BYTES) {
    throw invalidParams(`${parameter} must be at most ${MAX_PATH_BYTES} bytes, received ${bytes}`);
  }
  const normal = normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

/** Enough of a path to recognise it, for a refusal. */
export const cut = (text: string) => text.length > 100 ? `${text.slice(0, 100)}…` : text;

/** Whether `path` is `root` or below it, by whole components; both are normalised. */
export function isInside(path: string, root: string): boolean {
  return path === root || root === "/" || path.startsWith(`${root}/`);
}

/** The rules of Linux. */
export const POSIX_PATHS: PathRules = { normalize: normalizePath, isInside, parentOf: dirname };

/** A path that the configuration allows, and the entry that allows it. */
export interface AllowedPath {
  /** Absolute and normalised. */
  readonly path: string;
  /** The configuration's entry that it equals or is below. */
  readonly root: string;
}

/** The list that a path is checked against, for the refusal. */
export interface AllowOptions {
  /** The list's name in the configuration. */
  readonly list: string;
  /** The parameter with the path. */
  readonly parameter?: string;
  /** How the guest writes paths. */
  readonly rules: PathRules;
}

/** The last path that was allowed: the pieces of a file name it again and again. */
let last:
  | Pick<AllowOptions, "rules"> & { path: string; roots: readonly string[]; allowed: AllowedPath }
  | undefined;

/**
 * Checks a path from a request against a list of the configuration.
 *
 * @throws {RpcError} -32602 for a malformed path, -32001 for one outside the list.
 */
export function allowPath(
  path: string,
  roots: readonly string[],
  { list, parameter = "path", rules }: AllowOptions,
): AllowedPath {
  if (last?.path === path && last.roots === roots && last.rules === rules) return last.allowed;
  const normal = rules.normalize(path, parameter);
  // The longest entry is the most specific one.
  const root = roots.filter((entry) => rules.isInside(normal, entry))
    .reduce<string | undefined>(
      (best, entry) => best && best.length >= entry.length ? best : entry,
      undefined,
    );
  if (root === undefined) {
    const content = roots.length === 0 ? "which is empty" : roots.join(", ");
    throw permissionDenied(`${normal} is outside ${list} (${content})`, { path: normal });
  }
  const allowed = { path: normal, root };
  last = { path, roots, rules, allowed };
  return allowed;
}
