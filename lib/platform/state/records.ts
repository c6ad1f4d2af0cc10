/**
 * The header of a record in a segment: a mark, the kind, the sizes and the position. After a crash
 * the last record of a segment may be cut off, or be zeros: its header says where to stop.
 *
 * @module
 */

const MARK = 0xa7;

/** Bytes of a header. */
export const HEADER_BYTES = 20;

/** What a header says. */
export interface RecordHeader {
  readonly kind: number;
  /** Bytes after the header. */
  readonly length: number;
  readonly advance: number;
  readonly position: number;
}

/** Writes a header at the beginning of `target`. */
export function writeHeader(target: Uint8Array<ArrayBuffer>, header: RecordHeader): void {
  const view = new DataView(target.buffer, target.byteOffset, HEADER_BYTES);
  view.setUint8(0, MARK);
  view.setUint8(1, header.kind);
  view.setUint16(2, 0);
  view.setUint32(4, header.length);
  view.setUint32(8, header.advance);
  view.setFloat64(12, header.position);
}

/** The header at an offset, or `undefined` if there is none. */
export function readHeader(
  bytes: Uint8Array<ArrayBuffer>,
  offset: number,
): RecordHeader | undefined {
  if (offset + HEADER_BYTES > bytes.byteLength) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, HEADER_BYTES);
  const kind = view.getUint8(1);
  const position = view.getFloat64(12);
  if (view.getUint8(0) !== MARK || kind === 0 || view.getUint16(2) !== 0) return undefined;
  if (!Number.isSafeInteger(position) || position < 0) return undefined;
  return { kind, length: view.getUint32(4), advance: view.getUint32(8), position };
}
