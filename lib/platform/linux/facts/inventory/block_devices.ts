/**
 * Block devices, and where they are plugged in: from the paths of /sys/class/block.
 *
 * @module
 */

import type { BlockDevice, BlockMount, DiskAddress } from "../../../../guest/inventory.ts";
import { parseMountInfo, withoutSandbox } from "../mounts.ts";
import { ResidentScript } from "../resident_script.ts";

const UNKNOWN_PCI = { domain: -1, bus: -1, slot: -1, function: -1 } as const;

/**
 * For each line that it reads, a line for each block device that has a size: name, number, whether
 * it is a partition, its path in /sys, and then `/` and what it is made of, or `=` and the name of a
 * device-mapper device. It starts no program.
 *
 * It looks again when the kernel's number of device events has changed, which every device that comes,
 * goes, or changes its size or what it is made of does. A look takes hundreds of system calls, since a
 * shell reads byte by byte.
 *
 * @param sys Where sysfs is mounted.
 */
const listBlockDevices = (sys: string) => `
newline="
"
seen=
while read -r _; do
  now=
  { read -r now < ${sys}/kernel/uevent_seqnum; } 2>/dev/null
  if [ -n "$now" ] && [ "$now" = "$seen" ]; then
    printf '%send\\n' "$text"
    continue
  fi
  seen=$now
  text=
  for name in ${sys}/class/block/*; do
    cd -P "$name" && read -r size < size && [ "$size" != 0 ] && read -r number < dev || continue
    partition=0
    [ ! -e partition ] || partition=1
    more=
    for slave in slaves/*; do [ ! -e "$slave" ] || more="$more /\${slave##*/}"; done
    if [ -r dm/name ] && read -r alias < dm/name; then more="$more =$alias"; fi
    text="$text\${name##*/} $number $partition $PWD$more$newline"
  done
  cd /
  printf '%send\\n' "$text"
done
`;

const TIMEOUT_MS = 4000;

/** The block devices of /sys. */
export class BlockDevices implements AsyncDisposable {
  readonly #script: ResidentScript;

  /** @param options For tests, which have a tree of their own. */
  constructor({ sys = "/sys" }: { readonly sys?: string } = {}) {
    this.#script = new ResidentScript(listBlockDevices(sys));
  }

  /** @throws As {@link ResidentScript.ask}. */
  async list(signal: AbortSignal): Promise<BlockDevice[]> {
    return parseBlockDevices(
      await this.#script.ask("devices\n", { timeoutMs: TIMEOUT_MS, signal }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#script[Symbol.asyncDispose]();
  }
}

/** Parses what {@link listBlockDevices} prints. */
export function parseBlockDevices(text: string): BlockDevice[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [name = "", number = "", partition, path = "", ...more] = line.split(" ");
    const isPartition = partition === "1";
    const disk = isPartition ? path.split("/").at(-2) : undefined;
    const slaves = more.filter((word) => word.startsWith("/")).map((word) => word.slice(1));
    const alias = more.find((word) => word.startsWith("="))?.slice(1);
    const isVirtual = path.includes("/devices/virtual/");
    return {
      name,
      number,
      isPartition,
      dependencies: disk === undefined ? slaves : [disk],
      ...(alias === undefined ? {} : { alias }),
      ...(isVirtual ? {} : { address: addressOf(path, name) }),
    };
  });
}

/** The address in a path such as `/sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda`. */
export function addressOf(path: string, name: string): DiskAddress {
  const device = `/dev/${name}`;
  // The last is the controller, those before are bridges.
  const address = [...path.matchAll(/\/([0-9a-f]{4,}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])(?=\/)/g)]
    .at(-1);
  const [domain = -1, bus = -1, slot = -1, part = -1] = address?.slice(1)
    .map((digits) => Number.parseInt(digits, 16)) ?? [];
  const pci = address === undefined ? UNKNOWN_PCI : { domain, bus, slot, function: part };
  const scsi = /\/host\d+\/.*\/\d+:(\d+):(\d+):(\d+)\/block\//.exec(path);
  const [channel = 0, target = 0, lun = 0] = scsi?.slice(1).map(Number) ?? [];
  const ata = /\/ata(\d+)\//.exec(path)?.[1];
  if (ata !== undefined) {
    // The ports of the first controller are numbered from 1 on; that is what machines have.
    return { busType: "sata", bus: 0, target: 0, unit: Number(ata) - 1, pci, device };
  }
  if (scsi !== null) {
    const busType = path.includes("/usb") ? "usb" : "scsi";
    return { busType, bus: channel, target, unit: lun, pci, device };
  }
  const busType = /\/virtio\d+\/block\//.test(path)
    ? "virtio"
    : path.includes("/nvme/")
    ? "nvme"
    : "unknown";
  const at = busType === "unknown" ? -1 : 0;
  return { busType, bus: at, target: at, unit: at, pci, device };
}

/** The mounts of /proc/self/mountinfo whose file system is on one of the devices. */
export function blockMountsOf(mountInfo: string, devices: readonly BlockDevice[]): BlockMount[] {
  const byNumber = new Map(devices.map((device) => [device.number, device]));
  const byName = new Map(devices.map((device) => [device.name, device]));
  const mounts = withoutSandbox(parseMountInfo(mountInfo));
  return mounts.flatMap(({ mountPoint, fsType, device, deviceNumber }) => {
    // A btrfs has a number that belongs to no device.
    const base = device.startsWith("/dev/") ? device.slice("/dev/".length) : "";
    const found = byNumber.get(deviceNumber) ?? byName.get(base);
    if (found === undefined) return [];
    return [{ mountPoint, fsType, device: found.name, disks: disksBelow(found, byName) }];
  });
}

/** The disks that a device is on, in the end. */
function disksBelow(
  device: BlockDevice,
  byName: ReadonlyMap<string, BlockDevice>,
): DiskAddress[] {
  const found = new Map<string, DiskAddress>();
  const visit = ({ name, address, dependencies }: BlockDevice) => {
    if (address !== undefined) found.set(name, address);
    else {
      for (const dependency of dependencies) {
        const below = byName.get(dependency);
        if (below !== undefined) visit(below);
      }
    }
  };
  visit(device);
  return [...found.values()];
}
