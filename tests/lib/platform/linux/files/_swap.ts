/**
 * An attacker: swaps what a path names, there and back, as fast as it can, until it is killed.
 *
 *     _swap.ts rename PATH SPARE    the entries change places; for a moment there is none
 *     _swap.ts link PATH SPARE      hard links to SPARE/a and SPARE/b take PATH's place in turn
 *     _swap.ts symlink PATH SPARE   a symbolic link to SPARE and a copy of SPARE.real, in turn
 *
 * @module
 */

import { printLine } from "../../../../../lib/base/terminal.ts";

const [how = "", path = "", spare = ""] = Deno.args;
const SHORT_PAUSE_MS = 0.2;
/** Now and then long enough for the agent to be served: it must meet both states. */
const LONG_PAUSE_MS = 5;
const LONG_PAUSES = 0.03;
const temporary = `${path}.swap`;

/** Renames, even if a directory of that name has been made meanwhile. */
function place(from: string, to: string): void {
  for (;;) {
    try {
      return Deno.renameSync(from, to);
    } catch {
      removeIfAny(to);
    }
  }
}

function removeIfAny(directory: string): void {
  try {
    Deno.removeSync(directory, { recursive: true });
  } catch {
    // Gone, or just being filled: try again.
  }
}

function rename(): void {
  Deno.renameSync(path, temporary);
  place(spare, path);
  pause();
  Deno.renameSync(path, spare);
  place(temporary, path);
  pause();
}

function link(): void {
  for (const name of ["a", "b"]) {
    Deno.linkSync(`${spare}/${name}`, temporary);
    Deno.renameSync(temporary, path);
    pause();
  }
}

function symlink(): void {
  Deno.symlinkSync(spare, temporary);
  Deno.renameSync(temporary, path);
  pause();
  Deno.linkSync(`${spare}.real`, temporary);
  Deno.renameSync(temporary, path);
  pause();
}

/** For a random time, so as not to fall into step with the agent. */
function pause(): void {
  const longest = Math.random() < LONG_PAUSES ? LONG_PAUSE_MS : SHORT_PAUSE_MS;
  const end = performance.now() + Math.random() * longest;
  while (performance.now() < end);
}

const swap = { rename, link, symlink }[how];
if (swap === undefined) throw new Error(`no such swap: ${how}`);
swap();
printLine("swapping");
for (;;) swap();
