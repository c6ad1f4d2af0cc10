/**
 * Swaps files while the agent works on them, as another user with write access to the same
 * directories could. A separate process, so that it really runs at the same time.
 *
 *     deno run -A _attacker.ts file|directory|fifo|temporary FILES OUTSIDE
 *
 * It runs until its standard input ends, then restores everything and prints how often it swapped.
 *
 * @module
 */

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
  // A second link: a write that replaces it must not remove the only one.
  Deno.linkSync(`${files}/fifo`, spare);
  Deno.renameSync(spare, `${files}/f`);
  Deno.writeTextFileSync(spare, "inside");
  Deno.renameSync(spare, `${files}/f`);
}

/** Swaps each private directory of the agent for a link as soon as it appears, and back. */
function swapTemporary(): void {
  for (const { name } of Deno.readDirSync(files)) {
    if (!name.startsWith(".kvmmanager-")) continue;
    try {
      Deno.renameSync(`${files}/${name}`, spare);
      Deno.symlinkSync(outside, `${files}/${name}`);
      Deno.removeSync(`${files}/${name}`);
      Deno.renameSync(spare, `${files}/${name}`);
      swaps += 1;
    } catch {
      // The agent has removed it already.
      repair();
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
        // The agent was faster and has renamed or created something.
        repair();
      }
    }
    // Lets the event loop notice the end of standard input.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** What is at the path, without following a link, or `undefined`. */
function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}

/** Restores both names, wherever a swap was interrupted. */
function repair(): void {
  for (;;) {
    try {
      if (what !== "directory") {
        if (lookAt(spare) !== undefined) Deno.removeSync(spare, { recursive: true });
        return;
      }
      if (lookAt(`${files}/d`)?.isSymlink) Deno.removeSync(`${files}/d`);
      if (lookAt(spare) === undefined) return;
      // The agent has created the directory again and may still be filling it.
      if (lookAt(`${files}/d`) !== undefined) Deno.removeSync(`${files}/d`, { recursive: true });
      Deno.renameSync(spare, `${files}/d`);
      return;
    } catch {
      // Try again: the agent was working on it at the same moment.
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
