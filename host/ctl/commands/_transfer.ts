/**
 * The summary that push and pull print.
 *
 * @module
 */

import { printLine } from "../../../lib/base/terminal.ts";
import type { TransferResult } from "../../transfer/transfer.ts";
import { bytesText } from "../format.ts";
import { printable, printableJson } from "../printable.ts";

/**
 * Prints what was transferred.
 *
 * @param start When the transfer started, in milliseconds of `performance.now()`.
 */
export function report(
  { path, bytes, resumedBytes, sha256 }: TransferResult,
  start: number,
  { json, isQuiet }: { readonly json: boolean; readonly isQuiet: boolean },
): void {
  const seconds = (performance.now() - start) / 1000;
  if (json) {
    const rounded = Math.round(seconds * 1000) / 1000;
    const moved = { path, bytes, resumed_bytes: resumedBytes, sha256, seconds: rounded };
    return printLine(printableJson(moved, 2));
  }
  if (isQuiet) return;
  const resumed = resumedBytes > 0 ? `, ${bytesText(resumedBytes)} already transferred` : "";
  const rate = bytesText((bytes - resumedBytes) / Math.max(seconds, 0.001));
  printLine(
    `${printable(path)}: ${bytesText(bytes)} in ${seconds.toFixed(1)} s, ${rate}/s${resumed}`,
  );
}
