/**
 * The fixed drives of a Windows guest.
 *
 * @module
 */

import type { Filesystem } from "../../../guest/facts.ts";
import { driveRoots } from "../drives.ts";
import { kernel32 } from "../ffi/kernel32.ts";
import { fromWide, wide } from "../ffi/wide.ts";

const DRIVE_FIXED = 3;
/** MAX_PATH and a NUL, which both texts fit into. */
const TEXT_UNITS = 261;
/** SEM_FAILCRITICALERRORS: an empty card reader is an error, not a dialog that waits for somebody. */
const NO_DIALOGS = 1;

/** The usage of each fixed drive. A drive that cannot be read, such as a locked one, is left out. */
export function filesystems(): readonly Filesystem[] {
  kernel32.SetErrorMode(NO_DIALOGS);
  return driveRoots().flatMap((root) => {
    const path = wide(root);
    if (kernel32.GetDriveTypeW(path) !== DRIVE_FIXED) return [];
    const available = new BigUint64Array(1);
    const total = new BigUint64Array(1);
    const free = new BigUint64Array(1);
    const label = new Uint16Array(TEXT_UNITS);
    const fsType = new Uint16Array(TEXT_UNITS);
    const isRead = kernel32.GetDiskFreeSpaceExW(path, available, total, free) !== 0 &&
      kernel32.GetVolumeInformationW(
          path,
          label,
          label.length,
          null,
          null,
          null,
          fsType,
          fsType.length,
        ) !== 0;
    if (!isRead) return [];
    const availableBytes = Number(available[0]);
    const totalBytes = Number(total[0]);
    const usedBytes = totalBytes - Number(free[0]);
    return [{
      mount_point: root,
      device: fromWide(label).toWellFormed() || root.slice(0, 2),
      fs_type: fromWide(fsType),
      total_bytes: totalBytes,
      used_bytes: usedBytes,
      available_bytes: availableBytes,
      used_percent: usedPercent(usedBytes, availableBytes),
    }];
  });
}

/** As df(1) computes it, with one decimal. */
const usedPercent = (used: number, available: number): number =>
  used + available === 0 ? 0 : Math.round(used / (used + available) * 1000) / 10;
