/**
 * Somebody else in the guest, who may write where the agent may, and swaps things under its hands.
 * A process of its own, so that it really runs at the same time.
 *
 *     deno run -A _attacker.ts file|directory|fifo|temporary FILES OUTSIDE
 *
 * It runs until its standard input ends, then puts everything back and prints how often it swapped.
 *
 * @module
 */

/** What it swaps, round and round. */
export type Attack =
  | "file for link"
  | "directory for link"
  | "file for FIFO"
  | "temporary for link";

const [what, files = "", outside = ""] = Deno.args;
const spare = `${files}/spare`;

function swapFile(): void {
  Deno.symlinkSync(`${outside}/f`, spare);
  Deno.renameSync(spare, `${files}/f`);
  Deno.writeTextFileSync(spare, "inside");
  Deno.renameSync(spare, `${files}/f`);
}

function swapDirectory(): void {
  Deno.renameSync(`${files}/d`, spare);
  Deno.symlinkSync(outside, `${files}/d`);
  Deno.removeSync(`${files}/d`);
  Deno.renameSync(spare, `${files}/d`);
}

function swapFifo(): void {
  // As a second name: a write that replaces it must not take the only one away.
  Deno.linkSync(`${files}/fifo`, spare);
  Deno.renameSync(spare, `${files}/f`);
  Deno.removeSync(`${files}/f`);
}

/** Each temporary file of the agent's is replaced as soon as it shows. */
function swapTemporary(): void {
  for (const { name } of Deno.readDirSync(files)) {
    if (!name.startsWith(".kvmmanager-")) continue;
    try {
      Deno.symlinkSync(`${outside}/f`, spare);
      Deno.renameSync(spare, `${files}/${name}`);
      swaps += 1;
    } catch {
      // It was gone already.
    }
  }
}

let swaps = 0;
let isOver = false;

async function attack(): Promise<void> {
  const swap = { file: swapFile, directory: swapDirectory, fifo: swapFifo }[what ?? ""];
  while (!isOver) {
    for (let round = 0; round < 20; round++) {
      if (swap === undefined) {
        swapTemporary();
        continue;
      }
      try {
        swap();
        swaps += 1;
      } catch {
        // The agent was faster: what it has renamed or made is part of the game.
        repair();
      }
    }
    // A turn for the standard input to be noticed.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** What the path itself is, or `undefined`. */
function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}

/** Both names as they were, whatever a swap was interrupted in. */
function repair(): void {
  for (;;) {
    try {
      if (what !== "directory") {
        if (lookAt(spare) !== undefined) Deno.removeSync(spare);
        return;
      }
      if (lookAt(`${files}/d`)?.isSymlink) Deno.removeSync(`${files}/d`);
      if (lookAt(spare) === undefined) return;
      // The agent has made the directory anew meanwhile, and may still be filling it.
      if (lookAt(`${files}/d`) !== undefined) Deno.removeSync(`${files}/d`, { recursive: true });
      Deno.renameSync(spare, `${files}/d`);
      return;
    } catch {
      // Once more: the agent was at it at the same moment.
    }
  }
}

if (import.meta.main) {
  void (async () => {
    for await (const _ of Deno.stdin.readable);
    isOver = true;
  })();
  await attack();
  repair();
  await Deno.stdout.write(new TextEncoder().encode(`${swaps}\n`));
}
