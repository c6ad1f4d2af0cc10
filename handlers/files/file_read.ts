import * as z from "zod";
import { commandFailed, ERRORS } from "../../lib/base/errors.ts";
import { base64Capacity, fitText, jsonBytes, type PlainText } from "../../lib/base/json_text.ts";
import { BorrowedFile, type Piece } from "../../lib/platform/linux/files/kept_files.ts";
import { allowPath } from "../../lib/policy/paths.ts";
import { method } from "../../lib/core/method.ts";
import { refuseOversized } from "./_file.ts";

/** Bytes of JSON of a result beside path and content. */
const OTHER_MEMBERS_BYTES = 192;

const Params = z.strictObject({
  path: z.string(),
  encoding: z._default(z.enum(["utf8", "base64"]), "utf8"),
  offset: z.optional(z.int().check(z.gte(0))),
  length: z.optional(z.int().check(z.gte(1))),
});

type Encoding = z.output<typeof Params>["encoding"];

/** `file_read` (protocol §6): a regular file, whole or a piece of it; sizes in bytes. */
export const fileRead = method({
  name: "file_read",
  capability: "file_read",
  summary: "Reads a file, whole or in pieces.",
  notes: [
    "Only regular files inside `allowed_read_paths`, at most `max_file_size_mb` large, with no " +
    'symbolic link anywhere in the path. `encoding: "base64"` reads any bytes; `utf8` refuses ' +
    "what is not UTF-8 rather than alter it.",
    "With `offset` or `length` (bytes) it reads a piece: as many of the bytes asked for as fit one " +
    "message, so go on at `offset + bytes_read` until `eof`. In `utf8` a piece ends with a whole " +
    "character. `size_bytes` is always the size of the file.",
  ],
  params: Params,
  result: z.strictObject({
    content: z.string(),
    size_bytes: z.int(),
    encoding: z.enum(["utf8", "base64"]),
    offset: z.optional(z.int()),
    bytes_read: z.optional(z.int()),
    eof: z.optional(z.boolean()),
  }),
  errors: [
    {
      code: ERRORS.permissionDenied.code,
      when: "Outside `allowed_read_paths`, through a link, or refused by the guest",
    },
    { code: ERRORS.notFound.code, when: "There is no such file" },
    {
      code: ERRORS.commandFailed.code,
      when: "No regular file, over `max_file_size_mb`, too large for one message, not UTF-8",
    },
  ],
  audited: true,
  example: {
    params: { path: "/etc/hostname", encoding: "utf8" },
    result: { content: "ubuntu-vm\n", size_bytes: 10, encoding: "utf8" },
  },
  available: ({ config }) => config.security.allowed_read_paths.length > 0,
  target: ({ path, offset, length }) => ({ path, offset, length }),
  run: async (params, { config, signal, resultLimitBytes }) => {
    const { security } = config;
    const target = allowPath(params.path, security.allowed_read_paths, "allowed_read_paths");
    const { encoding } = params;
    const isPiece = params.offset !== undefined || params.length !== undefined;
    const capacity = resultLimitBytes - OTHER_MEMBERS_BYTES;
    const mostBytes = encoding === "base64" ? base64Capacity(capacity) : capacity;

    const borrowed = await BorrowedFile.take(target, "read", signal);
    using _borrowed = borrowed;
    const { path } = target;
    const { size } = borrowed.info;
    refuseOversized(path, size, security.max_file_size_mb);
    if (!isPiece && size > mostBytes) throw tooLargeForOneMessage(path, size, mostBytes);

    const offset = params.offset ?? 0;
    const wanted = Math.min(params.length ?? size, mostBytes, Math.max(0, size - offset));
    const piece = await borrowed.readAt(offset, wanted, signal);
    const { byteLength } = piece.bytes;
    const isEnd = offset + byteLength >= size;
    const { content, bytesRead } = encode(borrowed, piece, {
      encoding,
      isWhole: isEnd,
      capacity,
      path,
    });
    if (!isPiece) {
      if (bytesRead < byteLength) throw tooLargeForOneMessage(path, size, mostBytes);
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
  },
});

function tooLargeForOneMessage(path: string, size: number, limit: number) {
  const reason = `${path} has ${size} bytes, too many for one message: read it in pieces with ` +
    `offset and length, ${limit} bytes at most each`;
  return commandFailed(reason, { path, size_bytes: size, limit_bytes: limit });
}

interface EncodeOptions {
  readonly encoding: Encoding;
  /** Whether the bytes end where the file does, and not within a character. */
  readonly isWhole: boolean;
  /** Bytes of JSON that the content may have. */
  readonly capacity: number;
  readonly path: string;
}

/** The content on the wire, and how many of the bytes it has. */
function encode(
  borrowed: BorrowedFile,
  piece: Piece,
  { encoding, isWhole, capacity, path }: EncodeOptions,
): { content: string | PlainText; bytesRead: number } {
  const { bytes } = piece;
  if (encoding === "base64") {
    return { content: borrowed.base64Of(piece), bytesRead: bytes.byteLength };
  }
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text: string;
  try {
    // As a stream, what begins a character that is cut off is held back.
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
  commandFailed(`${path} is not UTF-8 here: read it with encoding "base64"`, { path });
