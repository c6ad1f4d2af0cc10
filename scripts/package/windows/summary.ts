/**
 * Removes from an MSI what depends on its builder: its time and its own number, which wixl makes up.
 *
 * Both are in the summary information, a property set (MS-OLEPS): a time is the type VT_FILETIME and
 * the time, the number is a text that is nowhere else in the file.
 *
 * @module
 */

const VT_FILETIME = 0x40;
const TYPE_BYTES = 4;
const TIME_BYTES = 8;
/** 100 ns since 1601. */
const TICKS_PER_MS = 10_000n;
const EPOCH_OFFSET_MS = 11_644_473_600_000n;
/** What wixl has just written is not older. */
const RECENT_MS = 600_000n;
const REVISION = /\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}/g;

/**
 * Sets the times of an MSI that was just made, and its number.
 *
 * @param time Seconds since 1970.
 * @param revision A GUID in capitals.
 * @throws {Error} if the file is not as wixl makes it.
 */
export async function fixTimes(path: string, time: number, revision: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  const start = summaryStart(bytes);
  const set = bytes.subarray(start, start + 4096);
  const times = setTimes(set, BigInt(time) * 1000n);
  const text = new TextDecoder("latin1").decode(set);
  const found = [...text.matchAll(REVISION)];
  if (times !== 2 || found.length !== 1) {
    throw new Error(
      `${path} has ${times} times and ${found.length} numbers of its own, not 2 and 1`,
    );
  }
  set.set(new TextEncoder().encode(`{${revision}}`), found[0]?.index);
  await Deno.writeFile(path, bytes);
}

/** FMTID_SummaryInformation, which only the property set itself has. */
const FORMAT_ID = Uint8Array.fromHex("e0859ff2f94f6810ab9108002b27b3d9");

function summaryStart(bytes: Uint8Array): number {
  const first = FORMAT_ID[0] ?? 0;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (FORMAT_ID.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  throw new Error("the MSI has no summary information");
}

/** Sets each time that is not older than a build takes; returns how many. */
function setTimes(set: Uint8Array<ArrayBuffer>, timeMs: bigint): number {
  const view = new DataView(set.buffer, set.byteOffset, set.byteLength);
  const now = BigInt(Date.now());
  let count = 0;
  for (let at = 0; at + TYPE_BYTES + TIME_BYTES <= set.byteLength; at += TYPE_BYTES) {
    if (view.getUint32(at, true) !== VT_FILETIME) continue;
    const age = now - (view.getBigUint64(at + TYPE_BYTES, true) / TICKS_PER_MS - EPOCH_OFFSET_MS);
    if (age < -RECENT_MS || age > RECENT_MS) continue;
    view.setBigUint64(at + TYPE_BYTES, (timeMs + EPOCH_OFFSET_MS) * TICKS_PER_MS, true);
    count += 1;
  }
  return count;
}
