/**
 * A libvirt daemon of the tests' own, with one guest. It is the daemon of an ordinary user's session,
 * with directories of its own: nothing of the machine is changed, and no service manager, D-Bus, KVM or
 * network is needed.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import type { Image } from "../../scripts/vm/image.ts";
import { KERNEL_ARGUMENTS, PORTS } from "../../scripts/vm/machine.ts";
import { Patience, slowdown } from "../../scripts/vm/patience.ts";
import { RootScriptError, runAsRoot, type ScriptResult } from "../../scripts/vm/root_shell.ts";
import { requireTools, runTool, toolEnvironment } from "../../scripts/vm/tools.ts";

/**
 * Nobody in particular, in place of root, whose daemon would want /dev/kvm: an ordinary user's may not
 * use it, and emulates.
 */
const USER = 65534;
const GUARD = fromFileUrl(new URL("guard.sh", import.meta.url));
/**
 * Not q35: after a suspension its power management registers are gone (QEMU resets the chipset and
 * SeaBIOS does not set it up again), and the guest cannot switch itself off any more.
 */
const MACHINE = "pc";
const MEMORY_MIB = 512;
const DISK_MIB = 32;
const DAEMON_MS = 20_000;
const VIRSH_MS = 60_000;
const OFF_MS = 120_000;
const EVENT_MS = 45_000;
/** For how long a command may be given up again and again. */
const SLOW_MS = 20_000;
/** Each look starts a virsh. */
const POLL_MS = 250;

/** The guest's name. */
export const GUEST = "guest";

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, POLL_MS));

/** What virsh has done. */
export interface Said {
  readonly code: number;
  /** Both of its outputs, without empty lines. */
  readonly text: string;
}

/** The daemon and its guest, until it is disposed of. */
export class Libvirt implements AsyncDisposable {
  readonly #guard: Deno.ChildProcess;

  private constructor(readonly directory: string, guard: Deno.ChildProcess) {
    this.#guard = guard;
  }

  /** Starts the daemon, and a guest with an image and an empty second disk. */
  static async start({ disk, boot }: Image): Promise<Libvirt> {
    await requireTools(["libvirtd", "virsh", "qemu-system-x86_64", "qemu-img", "unshare"]);
    assert(disk !== undefined && boot !== undefined, "an image with a disk and a kernel");
    // Not TMPDIR: a socket's path has at most 107 bytes.
    const directory = await Deno.makeTempDir({ dir: "/tmp", prefix: "kvmlv-" });
    const images = disk.path.slice(0, disk.path.lastIndexOf("/"));
    const mounted = (path: string) => path.replace(images, `${directory}/images`);
    for (const name of ["home", "config/libvirt", "cache", "run", "images"]) {
      await Deno.mkdir(`${directory}/${name}`, { recursive: true });
    }
    await Deno.writeTextFile(
      `${directory}/config/libvirt/qemu.conf`,
      'stdio_handler = "file"\nsecurity_driver = "none"\nnamespaces = []\ncgroup_controllers = []\n',
    );
    const [root, second] = [`${directory}/root.qcow2`, `${directory}/second.qcow2`];
    await runTool("qemu-img", [
      ...["create", "-q", "-u", "-f", "qcow2", "-b", mounted(disk.path), "-F", disk.format],
      ...[root, String((await Deno.stat(disk.path)).size)],
    ]);
    await runTool("qemu-img", ["create", "-q", "-f", "qcow2", second, `${DISK_MIB}M`]);
    await Deno.writeTextFile(
      `${directory}/guest.xml`,
      definition(directory, { kernel: mounted(boot.kernel), initrd: mounted(boot.initrd) }),
    );
    const isRoot = Deno.uid() === 0;
    await Deno.chmod(directory, 0o755);
    if (isRoot) await runTool("chown", ["-R", `${USER}:${USER}`, directory]);
    await Deno.chmod(`${directory}/run`, 0o700);
    const guard = new Deno.Command("unshare", {
      args: [
        ...["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
        ...isRoot ? [] : ["--map-root-user"],
        ...["/bin/sh", GUARD, directory, images, isRoot ? String(USER) : ""],
      ],
      env: toolEnvironment(),
      stdin: "piped",
      stdout: "null",
      stderr: "inherit",
      // Whoever ends this process with its group, as by timeout(1), leaves the guard its work.
      detached: true,
    }).spawn();
    const libvirt = new Libvirt(directory, guard);
    try {
      await libvirt.#started();
      const { code, text } = await libvirt.virsh("create", `${directory}/guest.xml`);
      assertEquals(code, 0, text);
      return libvirt;
    } catch (error) {
      await libvirt[Symbol.asyncDispose]();
      throw error;
    }
  }

  get #socket(): string {
    return `${this.directory}/run/libvirt/libvirt-sock`;
  }

  async #started(): Promise<void> {
    const patience = new Patience(DAEMON_MS);
    while (!await Deno.lstat(this.#socket).then(() => true, () => false)) {
      if (!patience.isOver) await pause();
      else throw new Error(`no libvirtd: ${await this.#log()}`);
    }
  }

  async #log(): Promise<string> {
    return await Deno.readTextFile(`${this.directory}/libvirtd.log`).catch(() => "no log");
  }

  /** Runs a command of virsh, which is killed if it takes too long. */
  async virsh(...args: readonly string[]): Promise<Said> {
    const uri = `qemu+unix:///session?socket=${this.#socket}`;
    const { code, stdout, stderr } = await new Deno.Command("virsh", {
      args: ["-c", uri, ...args],
      env: { ...toolEnvironment(), LC_ALL: "C", TZ: "UTC", HOME: `${this.directory}/home` },
      stdin: "null",
      signal: AbortSignal.timeout(VIRSH_MS * slowdown()),
    }).output();
    const lines = [stdout, stderr].flatMap((bytes) => new TextDecoder().decode(bytes).split("\n"));
    return { code, text: lines.filter((line) => line.trim() !== "").join("\n") };
  }

  /**
   * The same, again for as long as the guest is so slow that the agent gives a command up: under
   * emulation it is as slow as the machine is loaded.
   */
  async patientVirsh(...args: readonly string[]): Promise<Said> {
    const patience = new Patience(SLOW_MS);
    for (;;) {
      const said = await this.virsh(...args);
      if (!/was not done within|not available for now/.test(said.text)) return said;
      if (patience.isOver) return said;
    }
  }

  /** What a command prints that must succeed; the guest's name is its first argument. */
  async say(command: string, ...args: readonly string[]): Promise<string> {
    const { code, text } = await this.patientVirsh(command, GUEST, ...args);
    assertEquals(code, 0, `virsh ${command} ${args.join(" ")}: ${text}`);
    return text;
  }

  /** What the agent returns for a command that is sent as it is. */
  async ask(execute: string, parameters?: unknown): Promise<unknown> {
    const request = JSON.stringify({ execute, arguments: parameters });
    return Object(JSON.parse(await this.say("qemu-agent-command", request))).return;
  }

  /**
   * Waits until an agent answers libvirt.
   *
   * @param help Done before it is asked, each time.
   */
  async agentReady(deadlineMs: number, help?: () => Promise<unknown>): Promise<void> {
    const patience = new Patience(deadlineMs);
    for (;;) {
      await help?.();
      const said = await this.virsh("qemu-agent-command", GUEST, '{"execute":"guest-ping"}');
      if (said.code === 0) return;
      if (patience.isOver) {
        throw new Error(`no agent answers: ${said.text}\n${await this.console()}`);
      }
      await pause();
    }
  }

  /** Waits until a script runs as root, after a boot. */
  async rootReady(deadlineMs: number): Promise<void> {
    const patience = new Patience(deadlineMs);
    for (;;) {
      try {
        await runAsRoot(`${this.directory}/root.sock`, ":", 1000);
        return;
      } catch (error) {
        if (!(error instanceof RootScriptError) || patience.isOver) throw error;
      }
    }
  }

  /** Runs a shell script as root in the guest; it must succeed. */
  async root(script: string, timeoutMs = VIRSH_MS): Promise<string> {
    const { status, stdout, stderr } = await this.tryRoot(script, timeoutMs);
    assertEquals(status, 0, `${script}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Runs a shell script as root in the guest. */
  async tryRoot(script: string, timeoutMs = VIRSH_MS): Promise<ScriptResult> {
    return await runAsRoot(`${this.directory}/root.sock`, script, timeoutMs);
  }

  /** Waits for an event of the guest while something is done that causes it. */
  async event(name: string, cause: () => Promise<unknown>): Promise<void> {
    const seconds = String(Math.ceil(EVENT_MS * slowdown() / 1000));
    const args = ["--domain", GUEST, "--event", name, "--timeout", seconds];
    const [{ code, text }] = await Promise.all([this.virsh("event", ...args), cause()]);
    assertEquals(code, 0, `no event ${name}: ${text}`);
  }

  /** Keeps the guest as it is now, with its memory and its disks. */
  async keep(): Promise<void> {
    await this.#monitor("savevm kept");
  }

  /** Puts the guest back to the moment of {@link keep}, which is far quicker than a boot. */
  async goBack(): Promise<void> {
    await this.#monitor("loadvm kept");
  }

  /** A command of QEMU's own monitor, which prints only what went wrong. */
  async #monitor(command: string): Promise<void> {
    assertEquals(await this.say("qemu-monitor-command", "--hmp", command), "");
  }

  /** Waits until the guest is off; libvirt forgets it then. */
  async off(): Promise<void> {
    const patience = new Patience(OFF_MS);
    while ((await this.virsh("domstate", GUEST)).code === 0) {
      if (patience.isOver) throw new Error(`the guest is not off\n${await this.console()}`);
      await pause();
    }
  }

  /** The end of what the guest has printed on its console. */
  async console(): Promise<string> {
    const text = await Deno.readTextFile(`${this.directory}/console`).catch(() => "no console");
    return text.slice(-2000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The guard ends everything, and removes the directory.
    await this.#guard.stdin.close();
    await this.#guard.status;
  }
}

/** The guest as libvirt wants it described. */
function definition(
  directory: string,
  { kernel, initrd }: { readonly kernel: string; readonly initrd: string },
): string {
  const port = (socket: string, name: string) =>
    `<channel type='unix'><source mode='bind' path='${directory}/${socket}'/>
      <target type='virtio' name='${name}'/></channel>`;
  return `<domain type='qemu'>
  <name>${GUEST}</name>
  <memory unit='MiB'>${MEMORY_MIB}</memory>
  <vcpu>2</vcpu>
  <os>
    <type arch='x86_64' machine='${MACHINE}'>hvm</type>
    <kernel>${kernel}</kernel><initrd>${initrd}</initrd><cmdline>${KERNEL_ARGUMENTS}</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='maximum'/>
  <pm><suspend-to-mem enabled='yes'/></pm>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='unsafe'/>
      <source file='${directory}/root.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='unsafe' discard='unmap'/>
      <source file='${directory}/second.qcow2'/><target dev='vdb' bus='virtio'/></disk>
    <interface type='user'><model type='virtio'/><rom enabled='no'/></interface>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    <channel type='unix'><target type='virtio' name='${PORTS["qemu-ga"]}'/></channel>
    ${port("agent.sock", PORTS.agent)}
    ${port("root.sock", PORTS.root)}
    <serial type='file'><source path='${directory}/console'/></serial>
  </devices>
</domain>
`;
}
