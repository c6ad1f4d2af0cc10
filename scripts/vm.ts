/**
 * `deno task vm`: a guest with the agent for a person to try, built from the current sources, booted,
 * and powered off on Ctrl-C.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { EXIT } from "../commands/exit.ts";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { attachConsole } from "./vm/console.ts";
import { Guest } from "./vm/guest.ts";
import { buildImage, openImage } from "./vm/image.ts";
import { type Accelerator, ACCELERATORS, readAccelerator } from "./vm/accelerator.ts";
import { currentPackage } from "./vm/package.ts";
import { MissingToolsError, requireTools, runTool } from "./vm/tools.ts";

const USAGE = `Usage: deno task vm [--keep] [--image FILE] [--deb FILE] [--memory MB] [--accel A]
       deno task vm --console DIRECTORY

Builds a Debian guest with the package of these sources (cached), boots it with
QEMU, prints how to talk to it, and powers it off on Ctrl-C.

  --console DIR  open a root shell in a running guest: log in on its serial console
                 as root, without a password; Ctrl-] leaves. The directory is
                 printed when the guest boots
  --keep         keep the disk and the console's log, and print where
  --image FILE   boot this disk (raw or qcow2) instead; it is not changed
  --deb FILE     install this package instead of building one
  --memory MB    default: 512
  --accel A      ${ACCELERATORS.join(" or ")} (default: tcg, which works everywhere and is slow)
`;

interface Order {
  /** The running guest to attach to; no guest is booted then. */
  readonly console: string | undefined;
  readonly keep: boolean;
  readonly image: string | undefined;
  readonly deb: string | undefined;
  readonly memoryMb: number;
  readonly accelerator: Accelerator;
}

function readOrder(args: readonly string[]): Order | "help" {
  const parsed = parseArgs(args, {
    boolean: ["help", "keep"],
    string: ["console", "image", "deb", "memory", "accel", "_"],
    collect: ["console", "image", "deb", "memory", "accel"],
    alias: { h: "help" },
    unknown: refuseUnknown,
  });
  if (parsed.help) return "help";
  const [word] = parsed._;
  if (word !== undefined) throw new UsageError(`unexpected argument "${word}"; see --help`);
  const accelerator = readAccelerator("--accel", single(parsed.accel, "accel"));
  const [image, deb] = [single(parsed.image, "image"), single(parsed.deb, "deb")];
  if (image !== undefined && deb !== undefined) {
    throw new UsageError("--deb cannot be combined with --image, which is booted unchanged");
  }
  return {
    console: single(parsed.console, "console"),
    keep: parsed.keep,
    image,
    deb,
    memoryMb: readMemory(single(parsed.memory, "memory")),
    accelerator,
  };
}

function readMemory(text = "512"): number {
  if (/^\d{3,6}$/.test(text) && Number(text) >= 256) return Number(text);
  throw new UsageError(`--memory must be at least 256 (MiB), received "${text}"`);
}

/** Resolves on Ctrl-C and on signals that end a program. */
function interruption(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => resolve());
  }
  return promise;
}

async function bootGuest(order: Order, interrupted: Promise<void>): Promise<number> {
  const { keep, image: disk, deb, memoryMb, accelerator } = order;
  await requireTools(["qemu-system-x86_64", "qemu-img"]);
  const image = disk !== undefined ? await openImage(disk) : await buildImage({
    init: "systemd",
    packageFile: deb ?? await currentPackage(printLine),
    onProgress: printLine,
  });
  const guest = await Guest.boot({ image, memoryMb, accelerator, until: "nothing" });
  await using _guest = guest;
  if (keep) guest.machine.keepFiles();
  printLine(`booting; a root shell: deno task vm --console ${guest.machine.directory}`);
  const started = performance.now();
  const isUp = await Promise.race([guest.ready().then(() => true), interrupted]);
  if (isUp) {
    printLine(explain(guest, performance.now() - started));
    await Promise.race([interrupted, guest.machine.ended()]);
  }
  if (guest.machine.hasEnded) printLine("the guest powered off");
  else if (isUp) {
    printLine("\npowering the guest off");
    printLine(`powered off by the ${await guest.powerOff()}`);
  } else await guest.machine.quit();
  if (keep) await explainKept(guest, image.boot);
  return EXIT.ok;
}

/** Makes the kept disk independent of the files in the cache. */
async function explainKept(
  guest: Guest,
  boot: { kernel: string; initrd: string } | undefined,
): Promise<void> {
  const { directory } = guest.machine;
  await runTool("qemu-img", [
    ...["convert", "-q", "-O", "qcow2", guest.machine.disk, `${directory}/flat.qcow2`],
  ]);
  await Deno.rename(`${directory}/flat.qcow2`, guest.machine.disk);
  if (boot !== undefined) {
    await Deno.copyFile(boot.kernel, `${directory}/vmlinuz`);
    await Deno.copyFile(boot.initrd, `${directory}/initrd.img`);
  }
  printLine(
    `disk kept in ${directory}; boot it again with deno task vm --image ${guest.machine.disk}`,
  );
}

const explain = ({ socket, qemuGaSocket, machine }: Guest, ms: number): string =>
  `the agent is ready ${(ms / 1000).toFixed(1)} s after power-on. From another terminal:

  deno task ctl call get_system_info --socket ${socket}
  deno task ctl call exec_command '{"command":"uptime"}' --socket ${socket}
  deno task ctl call file_read '{"path":"/etc/hostname"}' --socket ${socket}

  a root shell in the guest (user root, no password; Ctrl-] leaves):
    deno task vm --console ${machine.directory}
  the console's output:  ${machine.directory}/console.log
  qemu-ga's port:        ${qemuGaSocket}
  QEMU itself (QMP):     ${machine.directory}/qmp.sock

Ctrl-C powers the guest off.`;

async function run(args: readonly string[]): Promise<number> {
  try {
    const order = readOrder(args);
    if (order === "help") printLine(USAGE.trimEnd());
    else if (order.console !== undefined) await attachConsole(`${order.console}/console.sock`);
    else return await bootGuest(order, interruption());
    return EXIT.ok;
  } catch (error) {
    printError(`vm: ${error instanceof Error ? error.message : error}`);
    if (error instanceof UsageError) return EXIT.usage;
    return error instanceof MissingToolsError ? EXIT.unavailable : EXIT.software;
  }
}

if (import.meta.main) Deno.exit(await run(Deno.args));
