/**
 * `deno task install:dev`: the agent of these sources in a guest, for whoever changes them. The first
 * run boots the guest, each further run puts the current sources into it.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { dirname, fromFileUrl } from "@std/path/posix";
import { EXIT } from "../commands/exit.ts";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { Guest } from "./vm/guest.ts";
import { buildImage } from "./vm/image.ts";
import { type Accelerator, ACCELERATORS, readAccelerator } from "./vm/accelerator.ts";
import { currentPackage } from "./vm/package.ts";
import { MissingToolsError, requireTools } from "./vm/tools.ts";
import { DESK_BYTES, installTree } from "./vm/tree.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
/** A link to the directory of this checkout's running guest. */
const LINK = "dist/dev-guest";
const MEMORY_MB = 512;

const USAGE = `Usage: deno task install:dev [--accel A]

Puts the agent of these sources into a guest.

The first run builds a Debian guest (cached), boots it with QEMU and stays;
Ctrl-C powers the guest off. While it stays, each further run from another
terminal replaces the agent in that guest by the current sources, in seconds.

  --accel A  ${ACCELERATORS.join(" or ")} (default: tcg, which works everywhere and is slow)
`;

/** Everything that the first run needs, so that whatever is missing is told at once. */
const TOOLS = [
  "mmdebstrap",
  "mke2fs",
  "qemu-system-x86_64",
  "qemu-img",
  "dpkg-deb",
  "unshare",
  "tar",
] as const;

function readOrder(args: readonly string[]): Accelerator | "help" {
  const parsed = parseArgs(args, {
    boolean: ["help"],
    string: ["accel", "_"],
    collect: ["accel"],
    alias: { h: "help" },
    unknown: refuseUnknown,
  });
  if (parsed.help) return "help";
  const [word] = parsed._;
  if (word !== undefined) throw new UsageError(`unexpected argument "${word}"; see --help`);
  return readAccelerator("--accel", single(parsed.accel, "accel"));
}

/** The directory of the running guest; a link that a killed run has left is removed. */
async function runningGuest(link: string): Promise<string | undefined> {
  try {
    const directory = await Deno.realPath(link);
    (await Deno.connect({ transport: "unix", path: `${directory}/qmp.sock` })).close();
    return directory;
  } catch (error) {
    if (
      !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused)
    ) throw error;
    await Deno.remove(link).catch((missing) => {
      if (!(missing instanceof Deno.errors.NotFound)) throw missing;
    });
    return undefined;
  }
}

/** Resolves on Ctrl-C and on signals that end a program. */
function interruption(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => resolve());
  }
  return promise;
}

const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

async function replace(directory: string): Promise<void> {
  const started = performance.now();
  await installTree(directory, "deno task install:dev");
  printLine(`the agent of these sources is ready in the guest, after ${seconds(started)}`);
}

async function boot(accelerator: Accelerator, link: string): Promise<void> {
  const interrupted = interruption();
  const image = await buildImage({
    init: "systemd",
    packageFile: await currentPackage(printLine),
    onProgress: printLine,
  });
  const guest = await Guest.boot({
    image,
    accelerator,
    memoryMb: MEMORY_MB,
    deskBytes: DESK_BYTES,
    until: "nothing",
  });
  await using _guest = guest;
  await Deno.mkdir(dirname(link), { recursive: true });
  await Deno.symlink(guest.machine.directory, link);
  try {
    printLine("booting the guest");
    const started = performance.now();
    if (!await Promise.race([guest.ready().then(() => true), interrupted])) return;
    printLine(explain(seconds(started)));
    await Promise.race([interrupted, guest.machine.ended()]);
    if (!guest.machine.hasEnded) {
      printLine("\npowering the guest off");
      await guest.powerOff();
    }
  } finally {
    await Deno.remove(link);
  }
}

const explain = (time: string): string =>
  `the agent is ready, ${time} after power-on. From another terminal:

  deno task ctl call ping --socket ${LINK}/agent.sock   # ask it
  deno task install:dev                                      # replace it by the current sources
  deno task vm --console ${LINK}                       # be root in the guest; Ctrl-] leaves

Ctrl-C powers the guest off.`;

async function run(args: readonly string[]): Promise<number> {
  try {
    const accelerator = readOrder(args);
    if (accelerator === "help") {
      printLine(USAGE.trimEnd());
      return EXIT.ok;
    }
    await requireTools(TOOLS);
    const link = `${ROOT}${LINK}`;
    const running = await runningGuest(link);
    if (running === undefined) await boot(accelerator, link);
    else await replace(running);
    return EXIT.ok;
  } catch (error) {
    printError(`install:dev: ${error instanceof Error ? error.message : error}`);
    if (error instanceof UsageError) return EXIT.usage;
    return error instanceof MissingToolsError ? EXIT.unavailable : EXIT.software;
  }
}

if (import.meta.main) Deno.exit(await run(Deno.args));
