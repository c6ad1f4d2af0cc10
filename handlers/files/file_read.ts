import * as z from "zod";
import { commandFailed, ERRORS } from "../../lib/base/errors.ts";
import {
  base64Capacity,
  fitText,
  jsonBytes,
  type UnescapedBytes,
} from "../../lib/base/json_text.ts";
import type { OpenFile, Piece } from "../../lib/guest/files.ts";
import { type FileContext, fileMethod } from "./_file_method.ts";
import { refuseOversized } from "./_parameters.ts";

/** Bytes of JSON of a result besides path and content. */
const OTHER_MEMBERS_BYTES = 192;

const Params = () =>
  z.strictObject({
    path: z.string(),
    encoding: z._default(z.enum(["utf8", "base64"]), "utf8"),
    offset: z.optional(z.int().check(z.gte(0))),
    length: z.optional(z.int().check(z.gte(1))),
  });

type Request = z.output<ReturnType<typeof Params>>;
type Encoding = Request["encoding"];

/** `file_read` (protocol §6): a regular file, whole or a piece of it; sizes in bytes. */
export const fileRead = fileMethod({
  name: "file_read",
  capability: "file_read",
  summary: "Reads a file, whole or in pieces.",
  notes: [
    "Reads regular files of at most `max_file_size_mb`. The path must be inside " +
    '`allowed_read_paths` and contain no symbolic link. `encoding: "base64"` reads any bytes; ' +
    "`utf8` refuses files that are not UTF-8.",
    "With `offset` or `length` (bytes) it reads a piece: as many of the requested bytes as fit " +
    "into one message. Continue at `offset + bytes_read` until `eof`. In `utf8` a piece ends at a " +
    "character boundary. `size_bytes` is always the size of the file.",
    "The agent reads the next piece before it is requested. It drops what it has read if the file's " +
    "size or time stamps have changed since, so a request never returns bytes from before a change " +
    "that had ended when it arrived, except one made through a memory mapping (msync(2)).",
  ],
  governedBy: "allowed_read_paths",
  access: "file-read",
  audited: true,
  params: Params,
  result: () =>
    z.strictObject({
      content: z.string(),
      size_bytes: z.int(),
      encoding: z.enum(["utf8", "base64"]),
      offset: z.optional(z.int()),
      bytes_read: z.optional(z.int()),
      eof: z.optional(z.boolean()),
    }),
  errors: [
    { code: ERRORS.notFound.code, when: "The file does not exist" },
    {
      code: ERRORS.commandFailed.code,
      when: "Not a regular file, over `max_file_size_mb`, too large for one message, not UTF-8",
    },
  ],
  example: {
    params: { path: "/etc/hostname", encoding: "utf8" },
    result: { content: "ubuntu-vm\n", size_bytes: 10, encoding: "utf8" },
  },
  target: ({ path, offset, length }) => ({ path, offset, length }),
  known: (params, context) => {
    const file = context.files.openAgain?.(context.target);
    if (file === undefined) return undefined;
    using _file = file;
    const part = partOf(file, params, context);
    const piece = file.readAhead?.(part.offset, part.wanted);
    return piece && resultOf(piece, part, params, context);
  },
  run: async (params, context) => {
    const { files, target, signal } = context;
    const file = await files.open(target, { access: "read", signal });
    using _file = file;
    const part = partOf(file, params, context);
    return resultOf(await file.readAt(part.offset, part.wanted, signal), part, params, context);
  },
});

/** The part of a file that a request is about; all sizes in bytes. */
interface Part {
  readonly size: number;
  readonly offset: number;
  /** How many bytes are read. */
  readonly wanted: number;
  /** Bytes of JSON that the content may take. */
  readonly capacity: number;
  /** The most that fits one message. */
  readonly limit: number;
  /** Whether a piece was requested, not the whole file. */
  readonly isPiece: boolean;
}

/** @throws {RpcError} -32000 for a file that is too large. */
function partOf(
  { sizeBytes: size }: OpenFile,
  { encoding, offset, length }: Request,
  { target: { path }, config: { security }, resultLimitBytes }: FileContext,
): Part {
  const isPiece = offset !== undefined || length !== undefined;
  const capacity = resultLimitBytes - OTHER_MEMBERS_BYTES;
  const limit = encoding === "base64" ? base64Capacity(capacity) : capacity;
  refuseOversized(path, size, security.max_file_size_mb);
  if (!isPiece && size > limit) throw tooLargeForOneMessage(path, size, limit);
  const start = offset ?? 0;
  const wanted = Math.min(length ?? size, limit, Math.max(0, size - start));
  return { size, offset: start, wanted, capacity, limit, isPiece };
}

function resultOf(
  piece: Piece,
  { size, offset, capacity, limit, isPiece }: Part,
  { encoding }: Request,
  { target: { path } }: FileContext,
) {
  const { byteLength } = piece.bytes;
  const isWhole = offset + byteLength >= size;
  const { content, bytesRead } = encode(piece, { encoding, isWhole, capacity, path });
  if (!isPiece) {
    if (bytesRead < byteLength) throw tooLargeForOneMessage(path, size, limit);
    return { content, size_bytes: byteLength, encoding };
  }
  return {
    content,
    size_bytes: size,
    encoding,
    offset,
    bytes_read: bytesRead,
    eof: offset + bytesRead >= size,
  };
}

function tooLargeForOneMessage(path: string, size: number, limit: number) {
  const reason = `${path} has ${size} bytes, too many for one message; read it in pieces with ` +
    `offset and length, at most ${limit} bytes each`;
  return commandFailed(reason, { path, size_bytes: size, limit_bytes: limit });
}

interface EncodeOptions {
  readonly encoding: Encoding;
  /** Whether the bytes end at the end of the file, so a cut-off character is an error. */
  readonly isWhole: boolean;
  /** Bytes of JSON that the content may take. */
  readonly capacity: number;
  readonly path: string;
}

/** The content for the reply, and how many of the bytes it contains. */
function encode(
  piece: Piece,
  { encoding, isWhole, capacity, path }: EncodeOptions,
): { content: string | UnescapedBytes; bytesRead: number } {
  const { bytes } = piece;
  if (encoding === "base64") return { content: piece.base64(), bytesRead: bytes.byteLength };
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text: string;
  try {
    // In streaming mode an incomplete character at the end is held back.
    text = decoder.decode(bytes, { stream: !isWhole });
  } catch {
    throw notUtf8(path);
  }
  const fitting = jsonBytes(text) <= capacity ? text : fitText(text, capacity);
  const bytesRead = new TextEncoder().encode(fitting).byteLength;
  if (bytesRead === 0 && bytes.byteLength > 0) throw notUtf8(path);
  return { content: fitting, bytesRead };
}

const notUtf8 = (path: string) =>
  commandFailed(`${path} is not UTF-8; read it with encoding "base64"`, { path });
