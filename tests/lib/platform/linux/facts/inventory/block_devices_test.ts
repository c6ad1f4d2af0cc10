import { assertEquals } from "@std/assert";
import { NEVER } from "../../../../_helpers.ts";
import {
  addressOf,
  BlockDevices,
  blockMountsOf,
  parseBlockDevices,
} from "../../../../../../lib/platform/linux/facts/inventory/block_devices.ts";

const ADDRESSES: readonly (readonly [string, readonly (string | number)[]])[] = [
  ["/sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda", ["virtio", 0, 0, 0, 0, 0, 2, 0]],
  ["/sys/devices/pci0000:00/0000:00:02.3/0000:04:00.0/virtio2/block/vda", [
    "virtio",
    0,
    0,
    0,
    0,
    4,
    0,
    0,
  ]],
  ["/sys/devices/pci0000:00/0000:00:1f.2/ata3/host2/target2:0:0/2:0:0:0/block/sda", [
    "sata",
    0,
    0,
    2,
    0,
    0,
    31,
    2,
  ]],
  ["/sys/devices/pci0000:00/0000:00:05.0/virtio3/host6/target6:0:1/6:0:1:4/block/sdb", [
    "scsi",
    0,
    1,
    4,
    0,
    0,
    5,
    0,
  ]],
  ["/sys/devices/pci0000:00/0000:00:06.0/nvme/nvme0/nvme0n1", ["nvme", 0, 0, 0, 0, 0, 6, 0]],
  ["/sys/devices/platform/mmc/block/mmcblk0", ["unknown", -1, -1, -1, -1, -1, -1, -1]],
];
for (const [path, expected] of ADDRESSES) {
  Deno.test(`the address of ${path}`, () => {
    const { busType, bus, target, unit, pci } = addressOf(path, "x");
    assertEquals([busType, bus, target, unit, ...Object.values(pci)], expected);
  });
}

const LISTED = `vda 254:0 0 /sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda
vda1 254:1 1 /sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda/vda1
dm-0 253:0 0 /sys/devices/virtual/block/dm-0 /vda1 =vg-root
`;

Deno.test("a partition depends on its disk, a mapped device on what it is made of", () => {
  const devices = parseBlockDevices(LISTED);
  assertEquals(
    devices.map(({ name, dependencies, alias, address }) =>
      [name, dependencies, alias, address?.device] as const
    ),
    [
      ["vda", [], undefined, "/dev/vda"],
      ["vda1", ["vda"], undefined, "/dev/vda1"],
      ["dm-0", ["vda1"], "vg-root", undefined],
    ],
  );
});

Deno.test("file systems on devices are listed, with any character in their mount point", () => {
  const mountInfo = "22 1 254:1 / / rw - ext4 /dev/root rw\n" +
    "23 22 253:0 / /mnt/a\\040b\\012c rw - xfs /dev/mapper/vg-root rw\n" +
    "24 22 0:5 / /data rw - btrfs /dev/vda rw\n" +
    "25 22 0:6 / /proc rw - proc proc rw\n";
  const mounts = blockMountsOf(mountInfo, parseBlockDevices(LISTED));
  const words = mounts.map(({ disks, ...mount }) =>
    [...Object.values(mount), ...disks.map(({ device }) => device)].join(" ")
  );
  assertEquals(words, [
    "/ ext4 vda1 /dev/vda1",
    "/mnt/a b\nc xfs dm-0 /dev/vda1",
    "/data btrfs vda /dev/vda",
  ]);
});

Deno.test("mounts that only the sandbox of the agent's service has are not listed", () => {
  const mountInfo = "22 1 254:1 / / rw - ext4 /dev/root rw\n" +
    "23 22 253:0 / /srv rw - xfs /dev/mapper/vg-root rw\n" +
    "24 22 254:1 /usr /usr ro - ext4 /dev/root rw\n" +
    "25 24 254:1 /usr/lib /usr/lib ro - ext4 /dev/root rw\n" +
    "26 23 253:0 /a\\040b /srv/a\\040b ro - xfs /dev/mapper/vg-root rw\n" +
    "27 22 254:1 /var/data /data rw - ext4 /dev/root rw\n" +
    "28 27 254:1 /var/data/in /data/in ro - ext4 /dev/root rw\n" +
    "29 23 254:1 /usr /srv/usr rw - ext4 /dev/root rw\n";
  const found = blockMountsOf(mountInfo, parseBlockDevices(LISTED));
  assertEquals(found.map(({ mountPoint }) => mountPoint), ["/", "/srv", "/data", "/srv/usr"]);
});

Deno.test("BlockDevices tells the devices of /sys, each time", async () => {
  const devices = new BlockDevices();
  await using _devices = devices;
  const known: string[] = [];
  for await (const { name } of Deno.readDir("/sys/class/block")) {
    if (Number(await Deno.readTextFile(`/sys/class/block/${name}/size`)) > 0) known.push(name);
  }
  for (let round = 0; round < 2; round++) {
    assertEquals((await devices.list(NEVER)).map(({ name }) => name).sort(), known.sort());
  }
});

Deno.test("BlockDevices looks again when the kernel has told of a device", async () => {
  const sys = await Deno.makeTempDir();
  const devices = new BlockDevices({ sys });
  const add = async (name: string) => {
    const path = `${sys}/class/block/${name}`;
    await Deno.mkdir(`${path}/slaves`, { recursive: true });
    await Deno.writeTextFile(`${path}/size`, "2048\n");
    await Deno.writeTextFile(`${path}/dev`, "254:0\n");
  };
  const told = (events: number) => Deno.writeTextFile(`${sys}/kernel/uevent_seqnum`, `${events}\n`);
  const names = async () => (await devices.list(NEVER)).map(({ name }) => name);
  try {
    // A kernel that does not count: it looks each time.
    await add("vda");
    assertEquals(await names(), ["vda"]);
    await add("vdb");
    assertEquals(await names(), ["vda", "vdb"]);
    await Deno.mkdir(`${sys}/kernel`);
    await told(7);
    await add("vdc");
    assertEquals(await names(), ["vda", "vdb", "vdc"]);
    await Deno.remove(`${sys}/class/block/vda`, { recursive: true });
    assertEquals(await names(), ["vda", "vdb", "vdc"]);
    await told(8);
    assertEquals(await names(), ["vdb", "vdc"]);
  } finally {
    await devices[Symbol.asyncDispose]();
    await Deno.remove(sys, { recursive: true });
  }
});
