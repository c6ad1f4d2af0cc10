/**
 * Which paths a request may name in a Windows guest: the lexical half of the path policy.
 *
 * Only one spelling of a path is let through: what Windows would rewrite, or open as something other
 * than a file of that name, is refused. The other half is the final path of the open handle.
 *
 * Source: "Naming Files, Paths, and Namespaces", Microsoft Learn.
 *
 * @module
 */

import { invalidParams } from "../../base/errors.ts";
import { cut, LONE_SURROGATE, type PathRules } from "../../policy/paths.ts";

/** Far below the 32,767 that Windows takes, so that an error with a path fits in a message. */
const MAX_PATH_CHARACTERS = 4096;
/** lpMaximumComponentLength of NTFS and ReFS. */
const MAX_NAME_CHARACTERS = 255;

const DRIVE_ABSOLUTE = /^[A-Za-z]:[\\/]/;
/** Names of devices, alone or with an extension, in every directory. */
const RESERVED = /^(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3])$/i;
/** `PROGRA~1`, `A1B2~1.TXT`: what the file system may have made up as a second name of a file. */
const SHORT_NAME = /^(?=[^.]{1,8}(?:\.|$))[^.]{0,6}~[0-9]{1,6}(?:\.[^.]{0,3})?$/;
/** Wildcards, and characters that no file name has. */
// deno-lint-ignore no-control-regex -- Windows forbids control characters in names.
const FORBIDDEN = /[\x00-\x1f<>"|?*]/;

/** What is wrong with the start of a path; completes "must". `undefined` for a drive's. */
function prefixProblem(path: string): string | undefined {
  if (DRIVE_ABSOLUTE.test(path)) return undefined;
  if (/^[\\/]{2}[.?]([\\/]|$)|^\\\?\?\\/.test(path)) return "not be a device path";
  if (/^[\\/]{2}/.test(path)) return "not be a network path";
  if (/^[A-Za-z]:/.test(path)) return "have a backslash after the drive, as in C:\\";
  return "be absolute and begin with a drive, as in C:\\";
}

/** What is wrong with one name of a path; completes "must not contain". */
function nameProblem(name: string): string | undefined {
  if (name.includes(":")) return "a colon after the drive: streams of files are out of reach";
  if (FORBIDDEN.test(name)) return 'control characters or any of < > " | ? *';
  if (/[. ]$/.test(name)) {
    return `${JSON.stringify(cut(name))}: Windows would drop the dot or space at its end`;
  }
  // "NUL.txt" and "NUL .txt" are the device, too.
  const [stem = ""] = name.split(".");
  if (RESERVED.test(stem.replace(/ +$/, ""))) {
    return `${JSON.stringify(cut(name))}, the name of a device`;
  }
  if (SHORT_NAME.test(name)) {
    return `${JSON.stringify(name)}, which may be the short name of another file; use the long one`;
  }
  return name.length > MAX_NAME_CHARACTERS
    ? `a name of more than ${MAX_NAME_CHARACTERS} characters`
    : undefined;
}

/**
 * What is wrong with a path as somebody wrote it; completes "PARAMETER must". Names that `..` removes
 * are looked at as well.
 */
export function pathProblem(path: string): string | undefined {
  if (path.length > MAX_PATH_CHARACTERS) return `be at most ${MAX_PATH_CHARACTERS} characters`;
  const prefix = prefixProblem(path);
  if (prefix !== undefined) return prefix;
  if (!path.isWellFormed()) return LONE_SURROGATE.replace(/^must /, "");
  for (const name of namesIn(path)) {
    const problem = name === "." || name === ".." ? undefined : nameProblem(name);
    if (problem !== undefined) return `not contain ${problem}`;
  }
  return undefined;
}

const namesIn = (path: string) => path.slice(2).split(/[\\/]/);

/** `C:\a\b` for `c:/a/./x/..//b/`: with backslashes and a capital drive letter. */
function joined(path: string): string {
  const names: string[] = [];
  for (const name of namesIn(path)) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `${path.slice(0, 2).toUpperCase()}\\${names.join("\\")}`;
}

/** The drive-absolute, lexically normalised form of a path from a request. */
function normalize(path: string, parameter = "path"): string {
  const problem = pathProblem(path);
  if (problem === undefined) return joined(path);
  const received = path.length > MAX_PATH_CHARACTERS ? path.length : JSON.stringify(cut(path));
  throw invalidParams(`${parameter} must ${problem}, received ${received}`);
}

/**
 * The form of a name in which two names of the same file are equal, as far as that is certain:
 * characters are folded one by one, and only where upper and lower case are each other's. So `ß` is
 * not `SS`, and `ſ` and the Kelvin sign are not `S` and `K`; to the file system they are not either.
 */
export function foldCase(text: string): string {
  // deno-lint-ignore no-control-regex -- The range of ASCII.
  if (/^[\x00-\x7f]*$/.test(text)) return text.toUpperCase();
  return Array.from({ length: text.length }, (_, index) => {
    const unit = text.charAt(index);
    const upper = unit.toUpperCase();
    return upper.length === 1 && upper.toLowerCase() === unit ? upper : unit;
  }).join("");
}

/**
 * A path of the configuration with backslashes, a capital drive letter and none at its end.
 * Otherwise as it is written, also if it is malformed.
 */
export function tidied(path: string): string {
  const tidy = path.replaceAll("/", "\\").replace(/(?<=[^\\:])\\+$/, "");
  return DRIVE_ABSOLUTE.test(tidy) ? tidy.slice(0, 1).toUpperCase() + tidy.slice(1) : tidy;
}

/** Whether two normalised paths are the same but for the case of letters. */
export function isSamePath(one: string, other: string): boolean {
  return foldCase(one) === foldCase(other);
}

/** Whether `path` is `root` or below it, by whole names and without case; both are normalised. */
function isInside(path: string, root: string): boolean {
  const [folded, foldedRoot] = [foldCase(path), foldCase(root)];
  return folded === foldedRoot ||
    folded.startsWith(foldedRoot.endsWith("\\") ? foldedRoot : `${foldedRoot}\\`);
}

/** The directory of a normalised path; a drive's root for itself. */
function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("\\"), "C:\\".length));
}

/** The rules of Windows. */
export const WINDOWS_PATHS: PathRules = { normalize, isInside, parentOf };
