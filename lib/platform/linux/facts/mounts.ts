/**
 * The mount table (proc(5), /proc/pid/mountinfo) and its file systems that store files.
 *
 * @module
 */

/** One line of the mount table. */
export interface Mount {
  readonly id: string;
  /** The {@link id} of the mount that this one is in. */
  readonly parentId: string;
  /** The directory of the file system that is mounted, `/` for all of it. */
  readonly root: string;
  readonly mountPoint: string;
  readonly device: string;
  readonly fsType: string;
  /** `major:minor` of the file system. */
  readonly deviceNumber: string;
  /** The file system's own options, such as `rw,lowerdir=/a`. */
  readonly superOptions: string;
}

/** Types that store no files of the guest. */
const WITHOUT_FILES = new Set([
  ...["autofs", "bdev", "binder", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "cpuset"],
  ...["debugfs", "devpts", "devtmpfs", "efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs"],
  ...["pipefs", "proc", "pstore", "ramfs", "resctrl", "rootfs", "rpc_pipefs", "securityfs"],
  ...["selinuxfs", "smackfs", "sockfs", "sysfs", "tmpfs", "tracefs", "fuse.gvfsd-fuse"],
  ...["fuse.lxcfs", "fuse.portal"],
  // Read-only images, which are always full: CDs, snaps, live systems.
  ...["squashfs", "iso9660", "udf", "erofs", "cramfs", "romfs"],
]);

/** Types whose server may be unreachable, which blocks every process that queries them. */
const NETWORK_TYPE_REGEXP =
  /^(nfs\d*|cifs|smb\d*|smbfs|ncpfs|ceph|afs|ocfs2|gfs2?|lustre|glusterfs|9p|virtiofs|fuse\..+|fuse)$/;

/** Whether querying a file system may block forever. */
export const mayHang = (mount: Mount): boolean => NETWORK_TYPE_REGEXP.test(mount.fsType);

/** Decodes the kernel's escapes: space, tab, newline and backslash as three octal digits. */
const unescape = (field: string) =>
  field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));

/** Parses the text of /proc/self/mountinfo. */
export function parseMountInfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split("\n")) {
    const [before = "", after] = line.split(" - ");
    const [id = "", parentId = "", deviceNumber, root = "", mountPoint] = before.split(" ");
    const [fsType, device, superOptions = ""] = after?.split(" ") ?? [];
    if (deviceNumber && mountPoint && fsType && device) {
      mounts.push({
        id,
        parentId,
        root: unescape(root),
        mountPoint: unescape(mountPoint),
        device: unescape(device),
        fsType,
        deviceNumber,
        superOptions: unescape(superOptions),
      });
    }
  }
  return mounts;
}

/**
 * The mounts without directories that are mounted on themselves. A service's sandbox makes such mounts
 * to take rights away (systemd.exec(5), ProtectSystem=), and only the service has them.
 */
export function withoutSandbox(mounts: readonly Mount[]): Mount[] {
  const byId = new Map(mounts.map((mount) => [mount.id, mount]));
  return mounts.filter(({ parentId, root, mountPoint, deviceNumber }) => {
    const parent = byId.get(parentId);
    if (parent === undefined || parent.deviceNumber !== deviceNumber) return true;
    const below = mountPoint.slice(parent.mountPoint === "/" ? 0 : parent.mountPoint.length);
    return root !== (`${parent.root === "/" ? "" : parent.root}${below}` || "/");
  });
}

/**
 * The mounts that store files, each file system once. Of several mounts on one mount point, the last
 * one hides the others. Of several mount points of one file system, the shortest is listed. An
 * overlay counts only as the root: elsewhere it shows files of another file system.
 */
export function selectFilesystems(mounts: readonly Mount[]): Mount[] {
  const visible = new Map(mounts.map((mount) => [mount.mountPoint, mount]));
  const byFilesystem = new Map<string, Mount>();
  for (const mount of visible.values()) {
    if (WITHOUT_FILES.has(mount.fsType)) continue;
    if (mount.fsType === "overlay" && mount.mountPoint !== "/") continue;
    // Subvolumes of one btrfs have different device numbers, but the same device.
    const key = mount.device.startsWith("/dev/") ? mount.device : mount.deviceNumber;
    const known = byFilesystem.get(key);
    if (known === undefined || mount.mountPoint.length < known.mountPoint.length) {
      byFilesystem.set(key, mount);
    }
  }
  return [...byFilesystem.values()].sort((a, b) => a.mountPoint < b.mountPoint ? -1 : 1);
}
