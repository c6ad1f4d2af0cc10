import { assertEquals } from "@std/assert";
import {
  blockMounts,
  loopDevicesIn,
} from "../../../../../lib/platform/linux/privileged/block_mounts.ts";

const line = (number: string, mountPoint: string, type: string, device: string, options = "rw") =>
  `1 1 ${number} / ${mountPoint} rw shared:1 - ${type} ${device} ${options}`;
const summary = (table: string, backing: Readonly<Record<string, string>> = {}) =>
  blockMounts(table, new Map(Object.entries(backing))).map((mount) =>
    [
      mount.mountPoint,
      mount.isReadOnly ? "ro" : "rw",
      mount.backedBy ?? "",
      mount.keepThawed === undefined ? "" : "keep",
    ].join(" ").trimEnd()
  );

Deno.test("each file system with a device is listed once, in the order of mounting", () => {
  const table = [
    line("0:20", "/proc", "proc", "proc"),
    line("254:1", "/", "ext4", "/dev/vda1"),
    line("0:25", "/run", "tmpfs", "tmpfs"),
    line("254:2", "/srv", "xfs", "/dev/vda2"),
    line("254:1", "/bind", "ext4", "/dev/vda1"),
    line("254:3", "/boot", "vfat", "/dev/vda3", "ro,relatime"),
    line("7:1", "/snap/x", "squashfs", "/dev/loop1", "ro"),
    line("0:40", "/net", "nfs4", "server:/x"),
  ].join("\n");
  assertEquals(summary(table), ["/ rw", "/srv rw", "/boot ro"]);
});

Deno.test("a mount that another one hides cannot be reached and is left out", () => {
  const table = [
    line("254:1", "/", "ext4", "/dev/vda1"),
    line("254:2", "/data", "ext4", "/dev/vda2"),
    line("254:3", "/data", "ext4", "/dev/vda3"),
  ].join("\n");
  assertEquals(blockMounts(table).map(({ device }) => device), ["/dev/vda1", "/dev/vda3"]);
});

Deno.test("a loop device names the file system that holds its file", () => {
  const table = [
    line("254:1", "/", "ext4", "/dev/vda1"),
    line("254:2", "/data", "ext4", "/dev/vda2"),
    line("7:3", "/image", "ext4", "/dev/loop3"),
    line("7:4", "/part", "ext4", "/dev/loop4p1"),
  ].join("\n");
  assertEquals(loopDevicesIn(table), ["loop3", "loop4"]);
  assertEquals(summary(table, { loop3: "/data/a.img", loop4: "/database" }), [
    "/ rw",
    "/data rw",
    "/image rw /data",
    "/part rw /",
  ]);
});

Deno.test("what the root is stored in stays thawed: a loop device's file or an overlay's layers", () => {
  const onLoop = [
    line("254:1", "/host", "ntfs3", "/dev/vda1"),
    line("7:0", "/", "ext4", "/dev/loop0"),
  ].join("\n");
  assertEquals(summary(onLoop, { loop0: "/host/root.disk" }), ["/host rw  keep", "/ rw /host"]);
  const onOverlay = [
    line("254:1", "/media/rw", "ext4", "/dev/vda1"),
    line("254:2", "/srv", "ext4", "/dev/vda2"),
    line(
      "0:30",
      "/",
      "overlay",
      "overlay",
      "rw,lowerdir=/media/ro,upperdir=/media/rw/up,workdir=/media/rw/work",
    ),
  ].join("\n");
  assertEquals(summary(onOverlay), ["/media/rw rw  keep", "/srv rw"]);
});
