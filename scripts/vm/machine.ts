/**
 * A virtual machine: one QEMU process with its own disk, and virtio ports whose host sides are unix
 * sockets.
 *
 * @module
 */

import type { Accelerator } from "./accelerator.ts";
import { fromFileUrl } from "@std/path/posix";
import { messageOf } from "../../lib/base/message_of.ts";
import type { Image } from "./image.ts";
import { Patience } from "./patience.ts";
import { Qmp } from "./qmp.ts";
import { requireTools, runTool, toolEnvironment } from "./tools.ts";

/** The virtio ports of every guest, by the names of their sockets and devices. */
export const PORTS = {
  agent: "org.kvmmanager.agent.0",
  "qemu-ga": "org.qemu.guest_agent.0",
  root: "org.kvmmanager.test.root",
} as const;

/** One of {@link PORTS}. */
export type PortName = keyof typeof PORTS;

/** The file of the second disk of the machine that has this directory; see {@link Machine.desk}. */
export const deskOf = (directory: string): string => `${directory}/desk.raw`;

/** The host's side of a port of the machine that has this directory. */
export const portSocketOf = (directory: string, port: PortName): string =>
  `${directory}/${port}.sock`;

/** How a machine is made. */
export interface MachineOptions {
  readonly image: Image;
  readonly memoryMb: number;
  readonly accelerator: Accelerator;
  /** Further words of the kernel's command line. */
  readonly kernelArguments?: string;
  /** A file that the guest reads as its second disk, /dev/vdb, such as a tar. */
  readonly attachment?: string;
  /**
   * Instead of an attachment: a second disk of this size that starts empty, and whose content the
   * host changes while the guest runs; see {@link Machine.desk}.
   */
  readonly deskBytes?: number;
}

/** How QEMU is started. */
export interface LaunchOptions {
  /** Where to load a saved state from, as in QEMU's `-incoming`. */
  readonly incoming?: string;
}

const GUARD = fromFileUrl(new URL("guard.sh", import.meta.url));
/** The words of every guest's kernel command line. */
export const KERNEL_ARGUMENTS = "root=/dev/vda rw console=ttyS0 net.ifnames=0 loglevel=4";
const LISTEN_MS = 10_000;
const QUIT_MS = 5000;
const POLL_MS = 20;

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, POLL_MS));

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** A machine and its files, from the first start until it is disposed of. */
export class Machine implements AsyncDisposable {
  readonly #options: MachineOptions;
  #isLaunched = false;
  #keepsFiles = false;

  private constructor(readonly directory: string, options: MachineOptions) {
    this.#options = options;
  }

  /** Starts a machine whose disk is an overlay of the image; the image is never changed. */
  static async start(options: MachineOptions): Promise<Machine> {
    await requireTools(["qemu-system-x86_64", "qemu-img"]);
    // Not TMPDIR: a socket's path has at most 107 bytes.
    const directory = await Deno.makeTempDir({ dir: "/tmp", prefix: "kvmmanager-vm-" });
    const machine = new Machine(directory, options);
    try {
      const { disk } = options.image;
      if (disk !== undefined) {
        await runTool("qemu-img", [
          ...["create", "-q", "-f", "qcow2", "-b", disk.path, "-F", disk.format],
          machine.disk,
        ]);
      }
      if (options.deskBytes !== undefined) {
        await Deno.writeFile(machine.desk, new Uint8Array());
        await Deno.truncate(machine.desk, options.deskBytes);
      }
      await machine.launch();
      return machine;
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The disk with the guest's changes. */
  get disk(): string {
    return `${this.directory}/disk.qcow2`;
  }

  /** The file that the guest reads as /dev/vdb, if it has {@link MachineOptions.deskBytes}. */
  get desk(): string {
    return deskOf(this.directory);
  }

  /** The host's side of a port. */
  socket(port: PortName): string {
    return portSocketOf(this.directory, port);
  }

  /** The host side of the guest's serial console. */
  get consoleSocket(): string {
    return `${this.directory}/console.sock`;
  }

  /** Whether QEMU has ended. */
  get hasEnded(): boolean {
    return !this.#isLaunched || isThere(`${this.directory}/ended`);
  }

  /** Starts QEMU, once or again after it has ended, and waits until its sockets are there. */
  async launch({ incoming }: LaunchOptions = {}): Promise<void> {
    if (!this.hasEnded) throw new Error("the machine is running");
    if (this.#isLaunched) await Deno.remove(`${this.directory}/ended`);
    // Not a child of this process: one test may end a machine that another has started.
    const { success } = await new Deno.Command("/bin/sh", {
      args: [
        ...["-c", '"$@" &', "sh", "/bin/sh", GUARD, String(Deno.pid), this.directory],
        ...["qemu-system-x86_64", ...this.#arguments(incoming)],
      ],
      env: toolEnvironment(),
      stdin: "null",
      stdout: "null",
      stderr: "null",
      // Ctrl-C goes to the program that started the machine, which ends it in order.
      detached: true,
    }).spawn().status;
    if (!success) throw new Error("cannot start QEMU's guard process");
    this.#isLaunched = true;
    const patience = new Patience(LISTEN_MS);
    while (!await this.#answers()) {
      if (this.hasEnded) throw new Error(`QEMU did not start: ${await this.#said()}`);
      if (patience.isOver) throw new Error("QEMU does not open its sockets");
      await pause();
    }
  }

  async #said(): Promise<string> {
    return (await Deno.readTextFile(`${this.directory}/qemu.log`)).trim();
  }

  async #answers(): Promise<boolean> {
    try {
      const qmp = await this.qmp();
      await using _qmp = qmp;
      return true;
    } catch {
      return false;
    }
  }

  #arguments(incoming: string | undefined): string[] {
    const { image, memoryMb, accelerator, kernelArguments = "", deskBytes } = this.#options;
    const { boot } = image;
    const attachment = deskBytes === undefined ? this.#options.attachment : this.desk;
    return [
      ...["-nodefaults", "-no-user-config", "-display", "none"],
      ...["-accel", accelerator, "-cpu", "max", "-smp", "2", "-m", String(memoryMb)],
      ...boot === undefined ? [] : [
        ...["-kernel", boot.kernel, "-initrd", boot.initrd],
        ...["-append", `${KERNEL_ARGUMENTS} ${kernelArguments}`.trim()],
      ],
      ...image.disk === undefined ? [] : [
        // These tests need not survive a power failure of the host.
        ...["-drive", `file=${this.disk},if=none,id=disk,format=qcow2,cache=unsafe`],
        ...["-device", "virtio-blk-pci,drive=disk,bootindex=1"],
      ],
      ...attachment === undefined ? [] : [
        ...["-drive", `file=${attachment},if=none,id=attachment,format=raw,readonly=on`],
        ...["-device", "virtio-blk-pci,drive=attachment"],
      ],
      // A network that leads nowhere: the guest has an interface and no peer.
      ...["-netdev", "user,id=net,restrict=on"],
      ...["-device", "virtio-net-pci,netdev=net,romfile="],
      ...["-device", "virtio-rng-pci"],
      "-chardev",
      `socket,id=console,path=${this.consoleSocket},server=on,wait=off,` +
      `logfile=${this.directory}/console.log,logappend=on`,
      ...["-serial", "chardev:console"],
      ...["-qmp", `unix:${this.directory}/qmp.sock,server=on,wait=off`],
      ...["-device", "virtio-serial-pci,id=ports"],
      ...Object.entries(PORTS).flatMap(([port, name]) => [
        "-chardev",
        `socket,id=${port},path=${this.directory}/${port}.sock,server=on,wait=off`,
        "-device",
        `virtserialport,bus=ports.0,chardev=${port},name=${name},id=port-${port}`,
      ]),
      ...incoming === undefined ? [] : ["-incoming", incoming],
    ];
  }

  /** A connection to QEMU itself. */
  async qmp(): Promise<Qmp> {
    return await Qmp.connect(`${this.directory}/qmp.sock`);
  }

  /** The end of what the guest has printed on its serial console. */
  async console(characters = 4000): Promise<string> {
    try {
      return (await Deno.readTextFile(`${this.directory}/console.log`)).slice(-characters);
    } catch (error) {
      return `no console: ${messageOf(error)}`;
    }
  }

  /** Waits until QEMU ends, or for some time; returns whether it has ended. */
  async ended(withinMs = Infinity): Promise<boolean> {
    const patience = new Patience(withinMs);
    while (!this.hasEnded && !patience.isOver) await pause();
    return this.hasEnded;
  }

  /** Keeps the disk and the console's log when the machine is disposed of. */
  keepFiles(): void {
    this.#keepsFiles = true;
  }

  /** Ends QEMU, as if the guest lost its power. */
  async quit(): Promise<void> {
    if (this.hasEnded) return;
    try {
      const qmp = await this.qmp();
      await using _qmp = qmp;
      await qmp.execute("quit");
    } catch {
      // It is ending already, or does not answer: handled below.
    }
    if (await this.ended(QUIT_MS)) return;
    const pid = Number(await Deno.readTextFile(`${this.directory}/pid`));
    Deno.kill(pid, "SIGKILL");
    if (!await this.ended(QUIT_MS)) throw new Error(`QEMU, process ${pid}, cannot be killed`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.quit();
    if (!this.#keepsFiles) await Deno.remove(this.directory, { recursive: true });
  }
}
