/**
 * Walks to a directory inside an allowed path without following links.
 *
 * Deno opens everything by absolute path, and an attacker may swap a directory for a link between
 * check and use. A shell's working directory cannot be swapped: the shell walks down one component
 * at a time and asks the kernel after each step where it really is (`cd -P`). From there it uses
 * names without a slash.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import { commandFailed, notFound, permissionDenied, type RpcError } from "../../../base/errors.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import { linkRefused } from "./refusals.ts";

/** What the functions of {@link WALK} return if they fail. */
export const WALK_STATUS = { link: 71, missing: 72, failed: 73, missingStart: 74 } as const;

/**
 * Shell functions. `begin START` changes to START, which must be its own real path; `walk MAKE
 * NAME...` goes down from there and creates what is missing if MAKE is 1. Both return one of {@link
 * WALK_STATUS} on failure. `$at` is the current directory then, empty for the root.
 */
export const WALK = `
begin() {
  [ -d "$1" ] || return ${WALK_STATUS.missingStart}
  cd -P "$1" || return ${WALK_STATUS.failed}
  [ "$PWD" = "$1" ] || return ${WALK_STATUS.link}
  at=\${PWD%/}
}
walk() {
  make=$1
  shift
  for name; do
    [ ! -L "./$name" ] || return ${WALK_STATUS.link}
    if [ ! -e "./$name" ]; then
      [ "$make" = 1 ] || return ${WALK_STATUS.missing}
      mkdir -- "./$name" || [ -d "./$name" ] || return ${WALK_STATUS.failed}
    fi
    [ -d "./$name" ] || {
      printf '%s is not a directory\\n' "$at/$name" >&2
      return ${WALK_STATUS.failed}
    }
    cd -P "./$name" || return ${WALK_STATUS.failed}
    at=$at/$name
    [ "$PWD" = "$at" ] || return ${WALK_STATUS.link}
  done
}
`;

/** Where a walk begins, and the names that it goes through. */
export interface Route {
  /** The directory above the allowed path. The administrator vouches for it. */
  readonly start: string;
  readonly names: readonly string[];
}

/** The way to a directory that is the allowed path `root` or below it. */
export function routeTo(directory: string, root: string): Route {
  const start = dirname(root);
  return {
    start,
    names: directory.slice(start.length).split("/").filter((name) => name !== ""),
  };
}

/** How a script that works on a path failed. */
export interface WalkFailure {
  readonly status: number;
  /** What it and its programs printed. */
  readonly text: string;
  /** What could not be done to the path, such as "created". */
  readonly action: string;
  /** What to do about a missing directory. */
  readonly hint?: string;
}

/** The refusal for a failed script. */
export function walkFailure(
  { path, root }: AllowedPath,
  { status, text, action, hint = "" }: WalkFailure,
): RpcError {
  if (status === WALK_STATUS.link) return linkRefused(path);
  if (status === WALK_STATUS.missing) {
    return notFound(`the directory of ${path} does not exist${hint}`, { path });
  }
  if (status === WALK_STATUS.missingStart) {
    return notFound(`the directory ${dirname(root)} does not exist`, { path });
  }
  const reason = text.trim().split("\n").at(-1)?.replace(/^.*?sh: (\d+: )?/, "") ?? "";
  if (/permission denied|operation not permitted/i.test(reason)) {
    return permissionDenied(`${path} cannot be ${action}: ${reason}`, { path });
  }
  return commandFailed(`${path} cannot be ${action}: ${reason || `status ${status}`}`, { path });
}
