/**
 * The commands that ask about disks and the file systems on them.
 *
 * @module
 */

import type { Context, Method } from "../../lib/core/method.ts";
import type { DiskAddress } from "../../lib/guest/inventory.ts";
import { qgaCommand } from "./_command.ts";
import { FACT, inventoryFact, unless } from "./_fact.ts";

/** The counters of a disk, in the order of the kernel's iostats. */
const DISK_COUNTERS = [
  "read-ios",
  "read-merges",
  "read-sectors",
  "read-ticks",
  "write-ios",
  "write-merges",
  "write-sectors",
  "write-ticks",
  "ios-pgr",
  "total-ticks",
  "weight-ticks",
  "discard-ios",
  "discard-merges",
  "discard-sectors",
  "discard-ticks",
  "flush-ios",
  "flush-ticks",
] as const;

/** The commands. */
export const diskCommands = (): readonly Method[] => [
  qgaCommand({
    ...FACT,
    name: "guest-get-fsinfo",
    summary: "The mounted file systems on disks",
    disabled: unless((known) => known.blockMounts),
    run: (_, context) => filesystems(context),
  }),
  inventoryFact(
    "guest-get-disks",
    "Disks and partitions",
    (known) => known.blockDevices,
    (devices) =>
      devices.map(({ name, isPartition, dependencies, alias, address }) => ({
        name: `/dev/${name}`,
        partition: isPartition,
        dependencies: dependencies.map((dependency) => `/dev/${dependency}`),
        ...(alias === undefined ? {} : { alias }),
        ...(address === undefined || isPartition ? {} : { address: addressOf(address) }),
      })),
  ),
  inventoryFact(
    "guest-get-diskstats",
    "Counters of the disks",
    (known) => known.diskCounters,
    (disks) =>
      disks.map(({ name, major, minor, values }) => ({
        name,
        major,
        minor,
        stats: Object.fromEntries(
          DISK_COUNTERS.slice(0, values.length).map((counter, index) => [counter, values[index]]),
        ),
      })),
  ),
];

/** The root last, as qemu-ga has it. */
async function filesystems({ guest, signal }: Context) {
  const [mounts = [], usage] = await Promise.all([
    guest.inventory?.blockMounts?.(signal),
    guest.facts.filesystems(signal),
  ]);
  const usageOf = new Map(usage.filesystems.map((one) => [one.mount_point, one]));
  return mounts.toReversed().map(({ mountPoint, fsType, device, disks }) => {
    const used = usageOf.get(mountPoint);
    return {
      name: device,
      mountpoint: mountPoint,
      type: fsType,
      ...(used === undefined ? {} : {
        "used-bytes": used.used_bytes,
        "total-bytes": used.used_bytes + used.available_bytes,
        "total-bytes-privileged": used.total_bytes,
      }),
      disk: disks.map(addressOf),
    };
  });
}

const addressOf = ({ busType, bus, target, unit, pci, device }: DiskAddress) => ({
  "bus-type": busType,
  bus,
  target,
  unit,
  "pci-controller": pci,
  dev: device,
});
