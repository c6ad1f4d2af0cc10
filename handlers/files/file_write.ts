import * as z from "zod";
import { commandFailed, ERRORS, invalidParams } from "../../lib/base/errors.ts";
import { messageOf } from "../../lib/base/message_of.ts";
import { BorrowedFile, writeFully } from "../../lib/platform/linux/files/kept_files.ts";
import {
  createEmpty,
  NewFile,
  type NewFileOptions,
} from "../../lib/platform/linux/files/new_file.ts";
import { type AllowedPath, allowPath, HALF_PAIR } from "../../lib/policy/paths.ts";
import { openRealFile, statIfAny } from "../../lib/platform/linux/files/real_file.ts";
import { method } from "../../lib/core/method.ts";
import { BYTES_PER_MB, modeFor, Permissions, Scratch } from "./_file.ts";

const Params = z.strictObject({
  path: z.string(),
  content: z.string(),
  encoding: z._default(z.enum(["utf8", "base64"]), "utf8"),
  create_dirs: z._default(z.boolean(), false),
  permissions: z.optional(Permissions),
  offset: z.optional(z.int().check(z.gte(0))),
});

/** `file_write` (protocol §7): a whole file, replaced atomically, or a piece in place. */
export const fileWrite = method({
  name: "file_write",
  capability: "file_write",
  summary: "Writes a file, whole or in pieces.",
  notes: [
    "Only inside `allowed_write_paths`, with no symbolic link anywhere in the path. Without " +
    "`offset` the content replaces the file atomically: it is written to a temporary file beside " +
    "it, flushed to the disk and renamed, so that a crash or a full disk leaves the old one. With " +
    "`offset` (bytes) it is written in place, for files in pieces; a file that does not exist is " +
    "made.",
    "`create_dirs` makes missing directories (0755), inside the allowed paths only. `permissions` " +
    "are for a file that is made or replaced; without them a replaced file keeps its own, a new " +
    "one gets 0644. No file grows over `max_file_size_mb`.",
  ],
  params: Params,
  result: z.strictObject({ bytes_written: z.int(), path: z.string() }),
  errors: [
    {
      code: ERRORS.permissionDenied.code,
      when: "Outside `allowed_write_paths`, through a link, or refused by the guest",
    },
    { code: ERRORS.notFound.code, when: "The directory does not exist" },
    {
      code: ERRORS.commandFailed.code,
      when:
        "No regular file, over `max_file_size_mb`, disk full or another error of the file system",
    },
  ],
  hidden: ["content"],
  audited: true,
  example: {
    params: {
      path: "/tmp/kvmmanager/data.txt",
      content: "Hello from host!",
      encoding: "utf8",
      create_dirs: true,
      permissions: "0644",
    },
    result: { bytes_written: 16, path: "/tmp/kvmmanager/data.txt" },
  },
  available: ({ config }) => config.security.allowed_write_paths.length > 0,
  target: ({ path, offset }) => ({ path, offset }),
  run: async (params, { config: { security }, signal }) => {
    const target = allowPath(params.path, security.allowed_write_paths, "allowed_write_paths");
    const { path } = target;
    if (params.path.endsWith("/")) {
      throw invalidParams("path names a directory, it ends with a slash");
    }
    const { content, encoding } = params;
    const scratch = new Scratch(mostBytes(content, encoding));
    using _scratch = scratch;
    const bytes = decode(content, encoding, scratch.bytes);
    const end = (params.offset ?? 0) + bytes.byteLength;
    if (end > security.max_file_size_mb * BYTES_PER_MB) {
      const reason =
        `${path} would have ${end} bytes, over max_file_size_mb ${security.max_file_size_mb}`;
      throw commandFailed(reason, { path, size_bytes: end });
    }
    const createDirectories = params.create_dirs;
    if (params.offset === undefined) {
      const mode = modeFor(params.permissions, await statIfAny(path));
      await replace(target, bytes, { mode, createDirectories }, signal);
    } else {
      const options = { mode: modeFor(params.permissions), createDirectories };
      await writePiece(target, params.offset, bytes, options, signal);
    }
    return { bytes_written: bytes.byteLength, path };
  },
});

/** Writes into the file, which is made first where there is none. */
async function writePiece(
  target: AllowedPath,
  offset: number,
  bytes: Uint8Array,
  options: NewFileOptions,
  signal: AbortSignal,
): Promise<void> {
  const open = () => BorrowedFile.take(target, "write", signal);
  const borrowed = await open().catch(async (error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await createEmpty(target, options);
    return await open();
  });
  using _borrowed = borrowed;
  await borrowed.writeAt(offset, bytes, signal);
}

async function replace(
  target: AllowedPath,
  bytes: Uint8Array,
  options: NewFileOptions,
  signal: AbortSignal,
): Promise<void> {
  const created = await NewFile.beside(target, options);
  await using _created = created;
  {
    const { file } = await openRealFile(created.temporary, "write", signal);
    using _file = file;
    await writeFully(file, 0, bytes, signal);
    await file.sync();
  }
  signal.throwIfAborted();
  await created.commit(target.path);
}

/** The most bytes that the content can stand for. */
const mostBytes = (content: string, encoding: "utf8" | "base64") =>
  encoding === "utf8" ? content.length * 3 : Math.ceil(content.length / 4) * 3;

/** The content's bytes, in the beginning of the buffer. */
function decode(content: string, encoding: "utf8" | "base64", buffer: Uint8Array): Uint8Array {
  if (encoding === "utf8") {
    if (content.isWellFormed()) {
      return buffer.subarray(0, new TextEncoder().encodeInto(content, buffer).written);
    }
    throw invalidParams(`content ${HALF_PAIR}: use base64`);
  }
  try {
    const { read, written } = buffer.setFromBase64(content);
    if (read === content.length) return buffer.subarray(0, written);
  } catch (error) {
    throw invalidParams(`content is not base64: ${messageOf(error)}`);
  }
  throw invalidParams("content is not base64: it goes on after its end");
}
