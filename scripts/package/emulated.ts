/**
 * The program of an arm64 package on an x86-64 machine, under QEMU's user emulation: QEMU translates
 * the runtime's instructions and passes its system calls on to this machine's kernel.
 *
 * Only the runtime is emulated. The launcher's shell, the scripts that read facts and the commands of
 * the host are this machine's programs, since execve(2) is passed on too.
 *
 * @module
 */

import { runTool } from "../vm/tools.ts";
import { LAUNCHER, launcher, launcherPaths } from "./program.ts";

/** The emulator. */
export const EMULATOR = "qemu-aarch64-static";
/** Where Debian's cross packages have the system's C library for arm64. */
export const SYSTEM = "/usr/aarch64-linux-gnu";

/** The formats that are taken apart, with what the packages of each are called. */
export const FORMATS = [
  { format: "deb", fileName: /\.deb$/, ownLibraries: false },
  { format: "rpm", fileName: /\.rpm$/, ownLibraries: false },
  { format: "tar", fileName: /\.tar\.xz$/, ownLibraries: true },
] as const;

/** One of {@link FORMATS}. */
export type PackageFormat = typeof FORMATS[number]["format"];

/** Unpacks a package's files into an empty directory. */
export async function takeApart(
  format: PackageFormat,
  file: string,
  directory: string,
): Promise<void> {
  if (format === "deb") await runTool("dpkg-deb", ["--extract", file, directory]);
  else if (format === "rpm") {
    await runTool("/bin/sh", [
      "-c",
      'rpm2cpio "$1" | cpio --extract --make-directories --quiet --no-absolute-filenames -D "$2"',
      ...["sh", file, directory],
    ]);
  } else {
    const tree = "--strip-components=2";
    await runTool("tar", ["-C", directory, tree, "-xf", file, "--wildcards", "*/tree"]);
  }
}

/**
 * Replaces the launcher of a tree by one that finds the tree where it is, and starts the runtime with
 * the emulator.
 *
 * @returns The launcher's path.
 * @throws {Error} if the tree's launcher is not the one of a package.
 */
export async function emulate(tree: string, ownLibraries: boolean): Promise<string> {
  const path = `${tree}${LAUNCHER}`;
  if (await Deno.readTextFile(path) !== launcher(launcherPaths("", ownLibraries))) {
    throw new Error(`${path} is not the launcher of a package`);
  }
  const paths = launcherPaths(tree, ownLibraries);
  const system = ownLibraries ? [] : ["-L", SYSTEM];
  await Deno.writeTextFile(
    path,
    launcher({ ...paths, runtime: [EMULATOR, ...system, ...paths.runtime] }),
  );
  return path;
}
