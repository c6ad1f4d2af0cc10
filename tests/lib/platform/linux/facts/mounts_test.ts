import { assertEquals } from "@std/assert";
import {
  mayHang,
  type Mount,
  parseMountInfo,
  selectFilesystems,
} from "../../../../../lib/platform/linux/facts/mounts.ts";

/** What is selected of a mount table, as mount point, device and type. */
const selected = (table: string) =>
  selectFilesystems(parseMountInfo(table))
    .map(({ mountPoint, device, fsType }) => `${mountPoint} ${device} ${fsType}`);

// Lines of a Debian 12 guest.
const DEBIAN = `22 28 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
23 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:13 - proc proc rw
24 28 0:5 / /dev rw,nosuid,relatime shared:2 - devtmpfs udev rw,size=485676k,mode=755
25 24 0:22 / /dev/pts rw,nosuid,noexec,relatime shared:3 - devpts devpts rw,gid=5,mode=620
26 28 0:23 / /run rw,nosuid,nodev,noexec,relatime shared:5 - tmpfs tmpfs rw,size=100052k,mode=755
28 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
29 22 0:6 / /sys/kernel/security rw,nosuid,nodev,noexec,relatime shared:8 - securityfs securityfs rw
31 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
33 22 0:28 / /sys/firmware/efi/efivars rw shared:11 - efivarfs efivarfs rw
35 23 0:30 / /proc/sys/fs/binfmt_misc rw shared:14 - autofs systemd-1 rw,fd=30
36 24 0:19 / /dev/mqueue rw shared:15 - mqueue mqueue rw
87 28 254:15 / /boot/efi rw,relatime shared:45 - vfat /dev/vda15 rw,fmask=0022
90 28 0:40 / /tmp rw shared:46 - tmpfs tmpfs rw
`;

const BTRFS = `28 1 0:33 /root / rw,relatime shared:1 - btrfs /dev/vda3 rw,subvolid=256,subvol=/root
60 28 0:34 /home /home rw,relatime shared:30 - btrfs /dev/vda3 rw,subvolid=257,subvol=/home
61 28 0:35 /var/log /var/log rw shared:31 - btrfs /dev/vda3 rw,subvolid=258,subvol=/var/log
62 28 252:2 / /boot rw,relatime shared:32 - ext4 /dev/vda2 rw
`;

const BIND = `28 1 254:1 / / rw shared:1 - ext4 /dev/vda1 rw
40 28 254:1 /srv/data /data rw shared:1 - ext4 /dev/vda1 rw
41 28 254:1 /var/lib/docker /x rw shared:1 - ext4 /dev/vda1 rw
42 28 254:1 /etc/hosts /srv/hosts rw shared:1 - ext4 /dev/vda1 rw
`;

const DOCKER = `28 1 254:1 / / rw shared:1 - ext4 /dev/vda1 rw
50 28 0:50 / /var/lib/docker/overlay2/ab/merged rw - overlay overlay rw,lowerdir=/a,upperdir=/b
51 28 0:4 net:[4026532281] /run/docker/netns/ab rw shared:9 - nsfs nsfs rw
`;

const CONTAINER = `900 800 0:60 / / rw,relatime master:300 - overlay overlay rw,lowerdir=/a
901 900 0:61 / /proc rw - proc proc rw
902 900 254:1 /var/lib/docker/containers/x/hosts /etc/hosts rw - ext4 /dev/vda1 rw
903 900 254:1 /var/lib/docker/containers/x/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda1 rw
`;

const OVER_MOUNTED = `1 1 0:2 / / rw - rootfs rootfs rw
28 1 254:1 / / rw shared:1 - ext4 /dev/vda1 rw
50 28 254:17 / /mnt rw - ext4 /dev/vdb1 rw
51 28 254:33 / /mnt rw - xfs /dev/vdc1 rw
52 28 254:49 / /data rw - ext4 /dev/vdd1 rw
53 28 0:70 / /data rw - tmpfs tmpfs rw
`;

const NETWORK = `28 1 254:1 / / rw shared:1 - ext4 /dev/vda1 rw
60 28 0:52 / /mnt/nfs rw - nfs4 server:/export rw,vers=4.2,addr=10.0.0.1
61 28 0:52 /sub /mnt/nfs-sub rw - nfs4 server:/export/sub rw,vers=4.2
62 28 0:53 / /mnt/smb rw - cifs //server/share rw
63 28 0:54 / /mnt/shared rw - virtiofs shared rw
64 28 0:55 / /mnt/ssh rw - fuse.sshfs me@host:/ rw
65 28 254:65 / /mnt/ntfs rw - fuseblk /dev/vde1 rw
`;

const ODD_NAMES = `28 1 254:1 / / rw - ext4 /dev/vda1 rw
60 28 254:17 / /mnt/with\\040space rw - ext4 /dev/vdb1 rw
61 28 254:33 / /mnt/tab\\011and\\012newline rw - ext4 /dev/mapper/a\\040b rw
62 28 254:49 / /mnt/back\\134slash rw - ext4 /dev/vdd1 rw
63 28 254:65 / /mnt/ünïcode rw - ext4 /dev/vde1 rw
64 28 254:81 / /mnt/hash\\043sign rw - ext4 /dev/vdf1 rw
`;

const OTHERS = `28 1 254:1 / / rw - xfs /dev/mapper/vg-root rw
60 28 7:0 / /snap/core/1 ro - squashfs /dev/loop0 ro
61 28 11:0 / /media/cdrom ro - iso9660 /dev/sr0 ro
62 28 0:80 / /tank rw - zfs tank rw
63 28 0:81 / /tank/home rw - zfs tank/home rw
64 28 7:1 / /mnt/image rw - ext4 /dev/loop1 rw
65 28 0:82 / /var/lib/lxcfs rw - fuse.lxcfs lxcfs rw
66 28 0:83 / /run/user/1000/doc rw - fuse.portal portal rw
`;

for (
  const [what, table, expected] of [
    ["a Debian guest", DEBIAN, ["/ /dev/vda1 ext4", "/boot/efi /dev/vda15 vfat"]],
    ["btrfs subvolumes", BTRFS, ["/ /dev/vda3 btrfs", "/boot /dev/vda2 ext4"]],
    ["bind mounts", BIND, ["/ /dev/vda1 ext4"]],
    ["a host of containers", DOCKER, ["/ /dev/vda1 ext4"]],
    ["the inside of a container", CONTAINER, ["/ overlay overlay", "/etc/hosts /dev/vda1 ext4"]],
    ["mounts over mounts", OVER_MOUNTED, ["/ /dev/vda1 ext4", "/mnt /dev/vdc1 xfs"]],
    ["network mounts", NETWORK, [
      "/ /dev/vda1 ext4",
      "/mnt/nfs server:/export nfs4",
      "/mnt/ntfs /dev/vde1 fuseblk",
      "/mnt/shared shared virtiofs",
      "/mnt/smb //server/share cifs",
      "/mnt/ssh me@host:/ fuse.sshfs",
    ]],
    ["odd names", ODD_NAMES, [
      "/ /dev/vda1 ext4",
      "/mnt/back\\slash /dev/vdd1 ext4",
      "/mnt/hash#sign /dev/vdf1 ext4",
      "/mnt/tab\tand\nnewline /dev/mapper/a b ext4",
      "/mnt/with space /dev/vdb1 ext4",
      "/mnt/ünïcode /dev/vde1 ext4",
    ]],
    ["snaps, CDs, ZFS and images", OTHERS, [
      "/ /dev/mapper/vg-root xfs",
      "/mnt/image /dev/loop1 ext4",
      "/tank tank zfs",
      "/tank/home tank/home zfs",
    ]],
    ["nothing", "", []],
  ] as const
) {
  Deno.test(`of ${what} each file system that holds files is selected once`, () => {
    assertEquals<readonly string[]>(selected(table), expected);
  });
}

for (
  const [what, line] of [
    ["no optional field", "28 1 254:1 / /x rw - ext4 /dev/vda1 rw"],
    ["one optional field", "28 1 254:1 / /x rw shared:1 - ext4 /dev/vda1 rw"],
    ["several", "28 1 254:1 / /x rw shared:1 master:2 propagate_from:3 - ext4 /dev/vda1 rw"],
    ["a line's end of its own", "28 1 254:1 / /x rw - ext4 /dev/vda1 rw\n"],
  ] as const
) {
  Deno.test(`parseMountInfo() reads a line with ${what}`, () => {
    assertEquals(parseMountInfo(line), [
      {
        id: "28",
        parentId: "1",
        root: "/",
        mountPoint: "/x",
        device: "/dev/vda1",
        fsType: "ext4",
        deviceNumber: "254:1",
        superOptions: "rw",
      },
    ]);
  });
}

Deno.test("parseMountInfo() leaves out what it does not understand", () => {
  for (
    const line of ["", "garbage", "28 1 254:1 / /x rw", "28 1 254:1 - ext4 /dev/vda1", " - - "]
  ) {
    assertEquals(parseMountInfo(line), []);
  }
});

const mountOf = (fsType: string): Mount => ({
  id: "28",
  parentId: "1",
  root: "/",
  mountPoint: "/x",
  device: "d",
  fsType,
  deviceNumber: "0:1",
  superOptions: "rw",
});

Deno.test("mayHang() tells file systems whose server may be gone", () => {
  const network = [
    ...["nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "9p", "virtiofs", "glusterfs", "ocfs2"],
    ...["gfs2", "lustre", "afs", "fuse", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs"],
  ];
  assertEquals(network.filter((type) => !mayHang(mountOf(type))), []);
  const local = ["ext4", "xfs", "btrfs", "zfs", "vfat", "fuseblk", "ntfs3", "f2fs", "overlay"];
  assertEquals(local.filter((type) => mayHang(mountOf(type))), []);
});
