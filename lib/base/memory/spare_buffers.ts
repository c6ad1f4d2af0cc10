/**
 * Reused buffers. A new one for each piece of work would be freed too late: the garbage collector
 * sees a small object, not the memory behind it.
 *
 * @module
 */

import { countGarbage } from "./garbage.ts";

const MAX_SPARE_BYTES = 512 * 1024;
/** Sizes are rounded up to this, so that most buffers fit most needs. */
const STEP_BYTES = 16 * 1024;

const spare: Uint8Array<ArrayBuffer>[] = [];
let spareBytes = 0;

/** A buffer of at least this many bytes; it contains data from its last use. */
export function takeBuffer(size: number): Uint8Array<ArrayBuffer> {
  const index = spare.findIndex(({ byteLength }) => byteLength >= size);
  const [found] = index < 0 ? [] : spare.splice(index, 1);
  if (found !== undefined) {
    spareBytes -= found.byteLength;
    return found;
  }
  const fresh = new Uint8Array(Math.max(1, Math.ceil(size / STEP_BYTES)) * STEP_BYTES);
  // The garbage collector frees it.
  countGarbage(fresh.byteLength);
  return fresh;
}

/** Takes back a buffer that nothing reads or writes any more, for reuse. */
export function giveBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  const { byteLength } = buffer;
  if (byteLength < STEP_BYTES || spareBytes + byteLength > MAX_SPARE_BYTES) return;
  spare.push(buffer);
  spareBytes += byteLength;
}
