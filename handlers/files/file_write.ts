import * as z from "zod";
import { ERRORS, invalidParams } from "../../lib/base/errors.ts";
import { utf8Bytes } from "../../lib/base/json_text.ts";
import { giveBuffer, takeBuffer } from "../../lib/base/memory/spare_buffers.ts";
import { messageOf } from "../../lib/base/message_of.ts";
import { LONE_SURROGATE } from "../../lib/policy/paths.ts";
import { fileMethod } from "./_file_method.ts";
import { modeOf, Permissions, refuseGrowth, refuseTrailingSlash } from "./_parameters.ts";

const Params = () =>
  z.strictObject({
    path: z.string(),
    content: z.string(),
    encoding: z._default(z.enum(["utf8", "base64"]), "utf8"),
    create_dirs: z._default(z.boolean(), false),
    permissions: z.optional(Permissions()),
    offset: z.optional(z.int().check(z.gte(0))),
  });

type Encoding = z.output<ReturnType<typeof Params>>["encoding"];

/** `file_write` (protocol §7): replaces a whole file atomically, or writes a piece in place. */
export const fileWrite = fileMethod({
  name: "file_write",
  capability: "file_write",
  summary: "Writes a file, whole or in pieces.",
  notes: [
    "The path must be inside `allowed_write_paths` and contain no symbolic link. Without `offset` " +
    "the content replaces the file atomically: it is written to a temporary file, flushed to disk " +
    "and renamed, so a crash or a full disk leaves the old file. With `offset` (bytes) it is " +
    "written in place, for files sent in pieces; a missing file is created.",
    "`create_dirs` creates missing directories (0755) inside the allowed paths. `permissions` " +
    "apply to a file that is created or replaced; by default a replaced file keeps its " +
    "permissions and a new one gets 0644. Files cannot grow over `max_file_size_mb`. A directory " +
    "can have at most 64 unfinished uploads (`.NAME.kvmmanager-part`).",
  ],
  governedBy: "allowed_write_paths",
  access: "file-write",
  audited: true,
  params: Params,
  result: () => z.strictObject({ bytes_written: z.int(), path: z.string() }),
  errors: [
    { code: ERRORS.notFound.code, when: "The directory does not exist" },
    {
      code: ERRORS.commandFailed.code,
      when: "Not a regular file, over `max_file_size_mb`, too many unfinished uploads, disk full " +
        "or another file system error",
    },
  ],
  hidden: ["content"],
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
  target: ({ path, offset }) => ({ path, offset }),
  policy: ({ path, content, encoding, offset = 0 }, { target, config: { security } }) => {
    refuseTrailingSlash(path, "path");
    const buffer = new Uint8Array(maxBytes(content, encoding));
    const { byteLength } = decode(content, encoding, buffer);
    refuseGrowth(target.path, offset + byteLength, security.max_file_size_mb);
  },
  run: async (params, { files, target, config: { security }, signal }) => {
    const { path } = target;
    refuseTrailingSlash(params.path, "path");
    const { offset } = params;
    const { buffer, bytes } = takeContent(params);
    try {
      refuseGrowth(path, (offset ?? 0) + bytes.byteLength, security.max_file_size_mb);
      const create = { mode: modeOf(params.permissions), createDirectories: params.create_dirs };
      if (offset === undefined) {
        await files.replace(target, bytes, { ...create, signal });
      } else {
        const file = await files.open(target, { access: "write", create, signal });
        using _file = file;
        await file.writeAt(offset, bytes, signal);
      }
      return { bytes_written: bytes.byteLength, path };
    } finally {
      giveBuffer(buffer);
    }
  },
});

/** The bytes of the content, in a buffer to be given back; the parameters no longer hold the text. */
function takeContent(
  params: { content: string; encoding: Encoding },
): { readonly buffer: Uint8Array<ArrayBuffer>; readonly bytes: Uint8Array } {
  const { content, encoding } = params;
  const buffer = takeBuffer(maxBytes(content, encoding));
  try {
    const bytes = decode(content, encoding, buffer);
    params.content = "";
    return { buffer, bytes };
  } catch (error) {
    giveBuffer(buffer);
    throw error;
  }
}

/** The most bytes that the content can contain. */
const maxBytes = (content: string, encoding: Encoding) =>
  encoding === "utf8" ? utf8Bytes(content) : Math.ceil(content.length / 4) * 3;

/** The content's bytes, at the start of the buffer. */
function decode(content: string, encoding: Encoding, buffer: Uint8Array): Uint8Array {
  if (encoding === "utf8") {
    if (content.isWellFormed()) {
      return buffer.subarray(0, new TextEncoder().encodeInto(content, buffer).written);
    }
    throw invalidParams(`content ${LONE_SURROGATE}; send the bytes as base64`);
  }
  try {
    const { read, written } = buffer.setFromBase64(content);
    if (read === content.length) return buffer.subarray(0, written);
  } catch (error) {
    throw invalidParams(`content is not base64: ${messageOf(error)}`);
  }
  throw invalidParams("content is not base64: there is data after the padding");
}
