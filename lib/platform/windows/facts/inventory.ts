/**
 * What a Windows guest knows of itself, as far as hosts ask for it through the QEMU guest agent's
 * language.
 *
 * @module
 */

import type {
  BlockMount,
  Inventory,
  OperatingSystem,
  Pluggable,
  Session,
  TimeZone,
} from "../../../guest/inventory.ts";
import type { Facts } from "../../../guest/facts.ts";
import { kernel32 } from "../ffi/kernel32.ts";
import { fromWide, wide } from "../ffi/wide.ts";
import { lastError } from "../ffi/windows_error.ts";
import { filesystems } from "./filesystems.ts";
import { sessions } from "./sessions.ts";

/** Where TIME_ZONE_INFORMATION has its members, and its size; biases are minutes west of UTC. */
const ZONE = {
  bias: 0,
  standard: 4,
  standardBias: 84,
  daylight: 88,
  daylightBias: 168,
  bytes: 172,
};
const ZONE_NAME_UNITS = 32;
const ZONE_ID = { standard: 1, daylight: 2, invalid: 0xffff_ffff } as const;
const SECONDS_PER_MINUTE = 60;
/** The length of `\\?\Volume{GUID}\` with its NUL. */
const VOLUME_UNITS = 50;

/** The inventory; what Windows tells in other ways is absent. */
export class WindowsInventory implements Partial<Inventory> {
  readonly #facts: Pick<Facts, "info">;

  constructor(facts: Pick<Facts, "info">) {
    this.#facts = facts;
  }

  async operatingSystem(signal: AbortSignal): Promise<OperatingSystem> {
    const { os_name, kernel_version, architecture } = await this.#facts.info(signal);
    return operatingSystem(os_name, kernel_version, architecture);
  }

  timeZone(): Promise<TimeZone> {
    const zone = new Uint8Array(ZONE.bytes);
    const id = kernel32.GetTimeZoneInformation(zone);
    if (id === ZONE_ID.invalid) throw lastError("GetTimeZoneInformation");
    return Promise.resolve(timeZone(zone, id));
  }

  sessions(): Promise<readonly Session[]> {
    return Promise.resolve(sessions());
  }

  async processors(signal: AbortSignal): Promise<readonly Pluggable[]> {
    const { cpu_count: length } = await this.#facts.info(signal);
    return Array.from({ length }, (_, index) => ({ index, isOnline: true, canOffline: false }));
  }

  blockMounts(): Promise<readonly BlockMount[]> {
    return Promise.resolve(
      filesystems().map(({ mount_point, fs_type }) => ({
        mountPoint: mount_point,
        fsType: fs_type,
        device: volumeName(mount_point),
        disks: [],
      })),
    );
  }
}

/** The name that a volume has whatever its drive letter; the drive itself if it has none. */
function volumeName(root: string): string {
  const name = new Uint16Array(VOLUME_UNITS);
  const isKnown = kernel32.GetVolumeNameForVolumeMountPointW(wide(root), name, name.length) !== 0;
  return isKnown ? fromWide(name) : root;
}

/**
 * The system in the words of the QEMU guest agent for Windows.
 *
 * @param product Such as `Windows Server 2022 Standard`.
 * @param kernel Such as `10.0.20348`.
 */
export function operatingSystem(
  product: string,
  kernel: string,
  machine: string,
): OperatingSystem {
  const [major = "", minor = "", build = ""] = kernel.split(".");
  const [, server = "", id] = /^(?:Microsoft )?Windows (Server )?(\S+)/.exec(product) ?? [];
  const variant = server === "" ? "client" : "server";
  return {
    kernelRelease: build,
    kernelVersion: `${major}.${minor}`,
    machine,
    osRelease: new Map([
      ["ID", "mswindows"],
      ["NAME", "Microsoft Windows"],
      ["PRETTY_NAME", product],
      ...(id === undefined ? [] : [
        ["VERSION", `Microsoft Windows ${server}${id}`] as const,
        ["VERSION_ID", id] as const,
      ]),
      ["VARIANT", variant],
      ["VARIANT_ID", variant],
    ]),
  };
}

/**
 * The zone that GetTimeZoneInformation has written.
 *
 * @param id What it returned: whether daylight saving time applies now.
 */
export function timeZone(zone: Uint8Array<ArrayBuffer>, id: number): TimeZone {
  const view = new DataView(zone.buffer, zone.byteOffset);
  const isDaylight = id === ZONE_ID.daylight;
  const extra = isDaylight
    ? view.getInt32(ZONE.daylightBias, true)
    : id === ZONE_ID.standard
    ? view.getInt32(ZONE.standardBias, true)
    : 0;
  const name = isDaylight ? ZONE.daylight : ZONE.standard;
  return {
    offsetSeconds: -(view.getInt32(ZONE.bias, true) + extra) * SECONDS_PER_MINUTE || 0,
    name: fromWide(new Uint16Array(zone.slice(name, name + 2 * ZONE_NAME_UNITS).buffer))
      .toWellFormed(),
  };
}
