/**
 * An attacker: swaps what a path names, there and back, as fast as it goes, until it is killed.
 *
 *     _swap.ts rename PATH SPARE    the entries change places, with a moment in which there is none
 *     _swap.ts link PATH SPARE      hard links to SPARE/a and SPARE/b take PATH's place by turns
 *     _swap.ts symlink PATH SPARE   a symbolic link to SPARE and a copy of SPARE.real, by turns
 *
 * @module
 */

import { printLine } from "../../../../../lib/base/terminal.ts";

const [how = "", path = "", spare = ""] = Deno.args;
const MOST_PAUSE_MS = 0.2;
const temporary = `${path}.swap`;

/** Renames, also where someone has made a directory of that name in the meantime. */
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
    // Gone, or being filled at this moment: it is tried again.
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

/** For a moment of any length, so as not to fall into step with who is attacked. */
function pause(): void {
  const end = performance.now() + Math.random() * MOST_PAUSE_MS;
  while (performance.now() < end);
}

const swap = { rename, link, symlink }[how];
if (swap === undefined) throw new Error(`no such swap: ${how}`);
swap();
printLine("swapping");
for (;;) swap();
