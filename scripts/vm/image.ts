/**
 * A guest's disk: Debian 12 with our package installed, built without mounting and without booting.
 *
 * Two layers, each cached by the hash of its inputs: the distribution, which takes a minute to build,
 * and the package on top of it, which takes seconds.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { cached, hashOf } from "./cache.ts";
import { requireTools, runTool } from "./tools.ts";

/** What a machine boots from. */
export interface Image {
  /** Without a disk, everything is in the initial file system. */
  readonly disk: { readonly path: string; readonly format: "raw" | "qcow2" } | undefined;
  /** Kernel and initial file system, if the disk has no boot loader. */
  readonly boot: { readonly kernel: string; readonly initrd: string } | undefined;
}

/** The guest's first process; with `busybox` there is no distribution. */
export type Init = "systemd" | "openrc" | "busybox";

/** How a guest is built. */
export interface ImageOptions {
  readonly init: Init;
  /** What is installed: a .deb with `systemd`, otherwise the tarball, with its SHA256SUMS beside it. */
  readonly packageFile: string;
  /** Called before each step that takes long. */
  readonly onProgress: (message: string) => void;
}

const SUITE = "bookworm";
/** The file is sparse: unused space takes none on the host. */
const DISK_MB = 1500;

const COMMON_PACKAGES = [
  "udev",
  "iproute2",
  "kmod",
  "linux-image-cloud-amd64",
  "procps",
  "qemu-guest-agent",
] as const;

const PACKAGES = {
  systemd: [
    ...["systemd", "systemd-sysv", "dbus", "vim-tiny", "cloud-init", "openssh-server", "rpm"],
    ...COMMON_PACKAGES,
  ],
  openrc: ["sysvinit-core", "openrc", "ifupdown", ...COMMON_PACKAGES],
} as const;

/** A distribution; `busybox` takes its kernel from one too. */
type Base = keyof typeof PACKAGES;

const HERE = fromFileUrl(new URL(".", import.meta.url));

/** The builder's own files: changing them changes the images. */
const BUILDER = [
  "image.ts",
  "layer.sh",
  "busybox.sh",
  "../../install/tarball/install.sh",
] as const;

/**
 * The image for a package, from the cache or built.
 *
 * @throws {MissingToolsError | ToolFailedError}
 */
export async function buildImage(options: ImageOptions): Promise<Image> {
  await requireTools(["mmdebstrap", "mke2fs", "dpkg-deb", "unshare"]);
  const { init, packageFile, onProgress } = options;
  const isBusybox = init === "busybox";
  if (isBusybox) await requireTools(["busybox", "cpio"]);
  const base = await baseRoot(isBusybox ? "systemd" : init, onProgress);
  const additions = await packAdditions(init);
  const hash = await hashOf(
    base,
    await Deno.readFile(packageFile),
    additions,
    ...await Promise.all(BUILDER.map((name) => Deno.readFile(`${HERE}${name}`))),
  );
  const directory = await cached(`guest-${init}`, hash, async (path) => {
    onProgress("installing the package into a guest's disk (about 10 s, then cached)");
    await Deno.mkdir(path);
    await Deno.writeFile(`${path}/additions.tar`, additions);
    await runTool("unshare", [
      "--mount",
      // Other users become root in a user namespace (newuidmap, package uidmap).
      ...Deno.uid() === 0 ? [] : ["--map-root-user", "--map-auto"],
      "/bin/sh",
      `${HERE}${isBusybox ? "busybox.sh" : "layer.sh"}`,
      base,
      packageFile,
      `${path}/additions.tar`,
      path,
      String(DISK_MB),
    ]);
    await Deno.remove(`${path}/additions.tar`);
  });
  return {
    disk: isBusybox ? undefined : { path: `${directory}/disk.raw`, format: "raw" },
    boot: { kernel: `${directory}/vmlinuz`, initrd: `${directory}/initrd.img` },
  };
}

/** The distribution as a tar, from the cache or built. */
export async function baseRoot(
  init: Base,
  onProgress: (message: string) => void,
): Promise<string> {
  const args = ["--variant=minbase", "--quiet", `--include=${PACKAGES[init].join(",")}`];
  return await cached(`base-${init}`, await hashOf(SUITE, ...args), async (path) => {
    onProgress(`installing Debian ${SUITE} with ${init} (about a minute, then cached)`);
    await runTool("mmdebstrap", [...args, "--format=tar", SUITE, path]);
  });
}

/** The files of guest/common and guest/INIT as a tar with reproducible bytes. */
async function packAdditions(init: Init): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command("tar", {
    args: [
      "--sort=name",
      "--mtime=@0",
      "--owner=0",
      "--group=0",
      "--numeric-owner",
      // The modes in a checkout depend on its umask.
      "--mode=u+rwX,go=rX",
      "-cf",
      "-",
      ...["common", init].flatMap((part) => ["-C", `${HERE}guest/${part}`, "."]),
    ],
    stdin: "null",
  }).output();
  if (!success) throw new Error(`tar: ${new TextDecoder().decode(stderr)}`);
  return stdout;
}

/**
 * A disk from elsewhere. If `vmlinuz` and `initrd.img` are in its directory, as with the disks that are
 * built here, it is booted with them, otherwise by its own boot loader.
 *
 * @throws {ToolFailedError} if it is not a disk image.
 */
export async function openImage(disk: string): Promise<Image> {
  await requireTools(["qemu-img"]);
  const path = await Deno.realPath(disk);
  const information = await runTool("qemu-img", ["info", path]);
  const format = /^file format: (\S+)$/m.exec(information)?.[1];
  if (format !== "raw" && format !== "qcow2") {
    throw new Error(`${disk}: the format must be raw or qcow2, received ${format ?? "none"}`);
  }
  const directory = path.slice(0, path.lastIndexOf("/"));
  const boot = { kernel: `${directory}/vmlinuz`, initrd: `${directory}/initrd.img` };
  try {
    await Promise.all(Object.values(boot).map((file) => Deno.stat(file)));
    return { disk: { path, format }, boot };
  } catch {
    return { disk: { path, format }, boot: undefined };
  }
}
