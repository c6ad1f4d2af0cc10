/**
 * Going to a directory inside an allowed path without following a link.
 *
 * Deno names everything by absolute path, and between a check and the use someone may swap a
 * directory for a link. A shell's working directory cannot be swapped: it walks down one component
 * at a time and asks the kernel after each step where it really is (`cd -P`). What it then does, it
 * does by names without a slash.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import { commandFailed, notFound, permissionDenied, type RpcError } from "../../../base/errors.ts";
import { countChild } from "../../../base/memory/garbage.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import { PROGRAM_PATH, SHELL } from "../programs.ts";
import { linkRefused } from "./real_file.ts";

/** Exit statuses of {@link WALK}. */
export const WALK_STATUS = { link: 71, missing: 72, failed: 73 } as const;

/**
 * Shell functions. `begin START` checks that the working directory, which the script was started
 * in, really is START; `walk MAKE NAME...` goes down from it, making what is missing where MAKE is
 * 1. Both end the script with one of {@link WALK_STATUS}.
 */
export const WALK = `
begin() {
  at=$1
  cd -P . && [ "$PWD" = "$at" ] || exit ${WALK_STATUS.link}
  [ "$at" != / ] || at=
}
walk() {
  make=$1
  shift
  for name; do
    [ -L "./$name" ] && exit ${WALK_STATUS.link}
    if [ ! -e "./$name" ]; then
      [ "$make" = 1 ] || exit ${WALK_STATUS.missing}
      mkdir -- "./$name" || [ -d "./$name" ] || exit ${WALK_STATUS.failed}
    fi
    cd -P "./$name" || exit ${WALK_STATUS.failed}
    at=$at/$name
    [ "$PWD" = "$at" ] || exit ${WALK_STATUS.link}
  done
}
`;

/** Where a walk to a directory begins, and the names it goes through. */
export interface Route {
  /** The directory above the allowed path: the administrator's word, not doubted. */
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

/** A script that walks, and what it is given. */
export interface WalkScript {
  /** Begins with {@link WALK}. What varies is passed as arguments, never as code. */
  readonly code: string;
  readonly args: readonly string[];
  /** Where it is started. */
  readonly start: string;
  /** What the request names, for the refusal. */
  readonly target: AllowedPath;
}

/**
 * Starts a script, with pipes for all three streams.
 *
 * @throws {RpcError} -32002 when there is no directory to start in.
 */
export function spawnWalk({ code, args, start, target }: WalkScript): Deno.ChildProcess {
  countChild();
  try {
    return new Deno.Command(SHELL, {
      args: ["-c", code, "sh", ...args],
      cwd: start,
      clearEnv: true,
      env: { PATH: PROGRAM_PATH, LC_ALL: "C" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // Not in the agent's group: a Ctrl-C there must not leave half a file behind.
      detached: true,
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw notFound(`the directory ${start} does not exist`, { path: target.path });
    }
    throw error;
  }
}

/**
 * The refusal for a script that ended with another status than 0, once it has ended.
 *
 * @param done What could not be done with the path, as "made".
 * @param hint What to do about a missing directory.
 */
export async function walkFailure(
  child: Deno.ChildProcess,
  path: string,
  done: string,
  hint = "",
): Promise<RpcError> {
  const [{ code }, said] = await Promise.all([child.status, new Response(child.stderr).text()]);
  const reason = said.trim().split("\n").at(-1)?.replace(/^.*?sh: (\d+: )?/, "") ?? "";
  if (code === WALK_STATUS.link) return linkRefused(path);
  if (code === WALK_STATUS.missing) {
    return notFound(`the directory of ${path} does not exist${hint}`, { path });
  }
  if (/permission denied|operation not permitted/i.test(reason)) {
    return permissionDenied(`${path} cannot be ${done}: ${reason}`, { path });
  }
  return commandFailed(`${path} cannot be ${done}: ${reason || `status ${code}`}`, { path });
}
