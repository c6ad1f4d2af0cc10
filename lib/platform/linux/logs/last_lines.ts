/**
 * Finds where the last lines of a text file begin.
 *
 * @module
 */

import type { OpenFile } from "../../../guest/files.ts";
import { CHUNK_BYTES } from "./log_bytes.ts";

/** How far back the last lines are searched. */
const MAX_TAIL_BYTES = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

/** The offset where the last lines of a file that is not empty begin. */
export async function startOfLastLines(
  file: OpenFile,
  lines: number,
  signal: AbortSignal,
): Promise<{ start: number; isMidLine: boolean }> {
  const { sizeBytes } = file;
  // A newline at the very end ends the last line, and begins none.
  let left = lines;
  let end = sizeBytes - 1;
  if (lines === 0) {
    const { bytes } = await file.readAt(end, 1, signal);
    return { start: sizeBytes, isMidLine: bytes[0] !== NEWLINE };
  }
  const earliest = Math.max(0, sizeBytes - MAX_TAIL_BYTES);
  while (end > earliest) {
    const start = Math.max(earliest, end - CHUNK_BYTES);
    const { bytes } = await file.readAt(start, end - start, signal);
    for (let at = bytes.lastIndexOf(NEWLINE); at >= 0; at = lastNewline(bytes, at)) {
      left -= 1;
      if (left === 0) return { start: start + at + 1, isMidLine: false };
    }
    end = start;
  }
  return { start: earliest, isMidLine: earliest > 0 };
}

/** The last newline before an index, or -1. */
const lastNewline = (bytes: Uint8Array, before: number) =>
  before === 0 ? -1 : bytes.lastIndexOf(NEWLINE, before - 1);
