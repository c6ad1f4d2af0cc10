/**
 * A virtual machine: one QEMU process on a disk of its own, with virtio ports whose host's sides are
 * unix sockets.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { messageOf } from "../../lib/base/message_of.ts";
import type { Image } from "./image.ts";
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

/** What runs the guest's code: QEMU itself, or the host's processor. */
export const ACCELERATORS = ["tcg", "kvm"] as const;

/** One of {@link ACCELERATORS}. */
export type Accelerator = (typeof ACCELERATORS)[number];

/** How a machine is made. */
export interface MachineOptions {
  readonly image: Image;
  readonly memoryMb: number;
  readonly accelerator: Accelerator;
  /** Further words of the kernel's command line. */
  readonly kernelArguments?: string;
}

/** How a machine is started once more on the same disk. */
export interface LaunchOptions {
  /** Where the state of the one before is taken from, as QEMU's `-incoming` has it. */
  readonly incoming?: string;
}

const GUARD = fromFileUrl(new URL("guard.sh", import.meta.url));
const KERNEL_ARGUMENTS = "root=/dev/vda rw console=ttyS0 net.ifnames=0 loglevel=4";
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

/** A machine from its first start until it is disposed of, with all its files. */
export class Machine implements AsyncDisposable {
  readonly #options: MachineOptions;
  #isLaunched = false;
  #keepsFiles = false;

  private constructor(readonly directory: string, options: MachineOptions) {
    this.#options = options;
  }

  /** Makes a machine with a disk over the image, which is never changed, and starts it. */
  static async start(options: MachineOptions): Promise<Machine> {
    await requireTools(["qemu-system-x86_64", "qemu-img"]);
    // Not TMPDIR: a socket's path has 107 bytes at most.
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
      await machine.launch();
      return machine;
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The disk with all that the guest has changed. */
  get disk(): string {
    return `${this.directory}/disk.qcow2`;
  }

  /** The host's side of a port. */
  socket(port: PortName): string {
    return `${this.directory}/${port}.sock`;
  }

  /** Whether QEMU is no more. */
  get hasEnded(): boolean {
    return !this.#isLaunched || isThere(`${this.directory}/ended`);
  }

  /** Starts QEMU, once or again after it has ended, and waits until its sockets are there. */
  async launch({ incoming }: LaunchOptions = {}): Promise<void> {
    if (!this.hasEnded) throw new Error("the machine is running");
    if (this.#isLaunched) await Deno.remove(`${this.directory}/ended`);
    // No child of this process: a test may begin and end machines that another one has started.
    const { success } = await new Deno.Command("/bin/sh", {
      args: [
        ...["-c", '"$@" &', "sh", "/bin/sh", GUARD, String(Deno.pid), this.directory],
        ...["qemu-system-x86_64", ...this.#arguments(incoming)],
      ],
      env: toolEnvironment(),
      stdin: "null",
      stdout: "null",
      stderr: "null",
      // A Ctrl-C is for whoever started the machine, who then ends it in order.
      detached: true,
    }).spawn().status;
    if (!success) throw new Error("QEMU's guard cannot be started");
    this.#isLaunched = true;
    const deadline = performance.now() + LISTEN_MS;
    while (!await this.#answers()) {
      if (this.hasEnded) throw new Error(`QEMU did not start: ${await this.#said()}`);
      if (performance.now() > deadline) throw new Error("QEMU does not open its sockets");
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
    const { image, memoryMb, accelerator, kernelArguments = "" } = this.#options;
    const { boot } = image;
    return [
      ...["-nodefaults", "-no-user-config", "-display", "none"],
      ...["-accel", accelerator, "-cpu", "max", "-smp", "2", "-m", String(memoryMb)],
      ...boot === undefined ? [] : [
        ...["-kernel", boot.kernel, "-initrd", boot.initrd],
        ...["-append", `${KERNEL_ARGUMENTS} ${kernelArguments}`.trim()],
      ],
      ...image.disk === undefined ? [] : [
        // What the host's power failure would lose is no matter of these tests.
        ...["-drive", `file=${this.disk},if=none,id=disk,format=qcow2,cache=unsafe`],
        ...["-device", "virtio-blk-pci,drive=disk,bootindex=1"],
      ],
      // A network without a way out: the guest has an interface, and reaches nobody.
      ...["-netdev", "user,id=net,restrict=on"],
      ...["-device", "virtio-net-pci,netdev=net,romfile="],
      ...["-device", "virtio-rng-pci"],
      ...["-chardev", `file,id=console,path=${this.directory}/console.log,append=on`],
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

  /** What the guest has printed on its serial console, at most the last `characters` of it. */
  async console(characters = 4000): Promise<string> {
    try {
      return (await Deno.readTextFile(`${this.directory}/console.log`)).slice(-characters);
    } catch (error) {
      return `no console: ${messageOf(error)}`;
    }
  }

  /** Whether QEMU ends within some time; without one it is waited for. */
  async ended(withinMs = Infinity): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    while (!this.hasEnded && performance.now() < deadline) await pause();
    return this.hasEnded;
  }

  /** Leaves the disk and the console's log when the machine is disposed of. */
  keepFiles(): void {
    this.#keepsFiles = true;
  }

  /** Pulls the plug. */
  async quit(): Promise<void> {
    if (this.hasEnded) return;
    try {
      const qmp = await this.qmp();
      await using _qmp = qmp;
      await qmp.execute("quit");
    } catch {
      // It is ending by itself, or does not listen: seen below.
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
