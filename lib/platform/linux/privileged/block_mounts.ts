/**
 * The mounted file systems that can be frozen and trimmed.
 *
 * @module
 */

import type { MountedFilesystem } from "../../../privileged/filesystems.ts";
import { type Mount, parseMountInfo } from "../facts/mounts.ts";
import { isInside } from "../../../policy/paths.ts";

/** Read-only images of any kind. */
const IMAGE_TYPES = new Set(["squashfs", "iso9660", "udf", "erofs", "cramfs", "romfs"]);
const LOOP_REGEXP = /^\/dev\/(loop\d+)(p\d+)?$/;

/** The loop devices that are mounted, such as `loop0`. */
export const loopDevicesIn = (mountInfo: string): string[] => [
  ...new Set(
    parseMountInfo(mountInfo).flatMap(({ device }) => LOOP_REGEXP.exec(device)?.[1] ?? []),
  ),
];

/**
 * The file systems with a block device, each once, in the order of mounting.
 *
 * @param mountInfo The text of /proc/self/mountinfo.
 * @param backingFiles The files behind the loop devices, by device.
 */
export function blockMounts(
  mountInfo: string,
  backingFiles: ReadonlyMap<string, string> = new Map(),
): readonly MountedFilesystem[] {
  const mounts = parseMountInfo(mountInfo);
  // The last mount on a mount point hides the others.
  const visible = new Map(mounts.map((mount) => [mount.mountPoint, mount]));
  const byDevice = new Map<string, Mount>();
  for (const mount of mounts) {
    const { device, fsType, mountPoint } = mount;
    if (!device.startsWith("/dev/") || IMAGE_TYPES.has(fsType)) continue;
    if (visible.get(mountPoint) !== mount || byDevice.has(device)) continue;
    byDevice.set(device, mount);
  }
  const found = [...byDevice.values()];
  const holderOf = (path: string) => mountHolding(path, visible)?.device;
  const needed = devicesUnderRoot(visible.get("/"), backingFiles, holderOf);
  return found.map((mount) => {
    const file = backingFiles.get(LOOP_REGEXP.exec(mount.device)?.[1] ?? "");
    const holder = file === undefined ? undefined : byDevice.get(holderOf(file) ?? "");
    return {
      mountPoint: mount.mountPoint,
      device: mount.device,
      fsType: mount.fsType,
      deviceNumber: mount.deviceNumber,
      isReadOnly: mount.superOptions.split(",").includes("ro"),
      ...(needed.has(mount.device) ? { keepThawed: "the root file system is stored in it" } : {}),
      ...(holder === undefined || holder === mount ? {} : { backedBy: holder.mountPoint }),
    };
  });
}

/** The mount that a path is in. */
function mountHolding(path: string, visible: ReadonlyMap<string, Mount>): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of visible.values()) {
    if (!isInside(path, mount.mountPoint)) continue;
    if (best === undefined || mount.mountPoint.length >= best.mountPoint.length) best = mount;
  }
  return best;
}

/** The devices that hold the layers of an overlay, or the file of a loop device, that is `/`. */
function devicesUnderRoot(
  root: Mount | undefined,
  backingFiles: ReadonlyMap<string, string>,
  holderOf: (path: string) => string | undefined,
): ReadonlySet<string> {
  if (root === undefined) return new Set();
  const loopFile = backingFiles.get(LOOP_REGEXP.exec(root.device)?.[1] ?? "");
  const layers = root.fsType === "overlay" ? layersOf(root.superOptions) : [];
  const paths = loopFile === undefined ? layers : [loopFile, ...layers];
  return new Set(
    paths.flatMap((path) => holderOf(path) ?? []).filter((device) => device !== root.device),
  );
}

/** The directories of an overlay, from its options. */
const layersOf = (options: string): string[] =>
  options.split(",").flatMap((option) => {
    const [name = "", value = ""] = option.split("=");
    return /^(lowerdir|upperdir|workdir)\+?$/.test(name) ? value.split(":") : [];
  }).filter((path) => path.startsWith("/"));
