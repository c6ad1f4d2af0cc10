/**
 * The guest-file-… commands.
 *
 * @module
 */

import * as z from "zod";
import { commandFailed, invalidParams, permissionDenied } from "../../lib/base/errors.ts";
import { LongText } from "../../lib/base/memory/long_text.ts";
import { base64Capacity } from "../../lib/base/json_text.ts";
import type { AgentServices, Context, Method } from "../../lib/core/method.ts";
import type { Files, Piece } from "../../lib/guest/files.ts";
import type { Guest } from "../../lib/guest/guest.ts";
import { type AllowedPath, allowPath } from "../../lib/policy/paths.ts";
import { needed } from "../_ability.ts";
import { refuseGrowth } from "../files/_parameters.ts";
import { type Decoded, decodeInPieces } from "./_base64.ts";
import { qgaCommand } from "./_command.ts";
import type { Handle, Handles } from "./_handles.ts";
import { Int64, numberOf } from "./_int64.ts";

const DEFAULT_COUNT = 4096;
/** As in qemu-ga, though no answer is as large as that. */
const MAX_COUNT = 48 * 1024 * 1024;
/**
 * The most that one answer has: clients go on until `eof`. The buffers for larger pieces are not
 * kept: a fresh one for each makes a full collection due with every other piece.
 */
const MAX_READ_BYTES = 128 * 1024;
/** Bytes of JSON of a result beside the content. */
const OTHER_MEMBERS_BYTES = 192;
const NOTHING = new Uint8Array(0);

/** What the modes of fopen(3) allow. */
const MODES: Readonly<Record<string, Pick<Handle, "canRead" | "canWrite" | "appends">>> = {
  r: { canRead: true, canWrite: false, appends: false },
  w: { canRead: false, canWrite: true, appends: false },
  a: { canRead: false, canWrite: true, appends: true },
  "r+": { canRead: true, canWrite: true, appends: false },
  "w+": { canRead: true, canWrite: true, appends: false },
  "a+": { canRead: true, canWrite: true, appends: true },
};

const HandleNumber = z.int();

/** PATH_MAX of Linux. */
const MAX_PATH_CHARACTERS = 4096;

const Path = z.string().check(
  z.refine(
    (path) => path.length < MAX_PATH_CHARACTERS,
    `must be shorter than ${MAX_PATH_CHARACTERS}`,
  ),
);

const WHENCE: Readonly<Record<string, "set" | "cur" | "end">> = {
  0: "set",
  1: "cur",
  2: "end",
  set: "set",
  cur: "cur",
  end: "end",
};

/** Allowed as the handle needs it, by the policy of this moment. */
function allow(
  { path, canRead, canWrite }: Handle,
  { config: { security }, guest }: Context,
): AllowedPath {
  const allowedBy = (list: "allowed_read_paths" | "allowed_write_paths") =>
    allowPath(path, security[list], { list, rules: guest.paths });
  if (!canWrite) return allowedBy("allowed_read_paths");
  if (canRead) allowedBy("allowed_read_paths");
  return allowedBy("allowed_write_paths");
}

function disabled({ config: { security } }: AgentServices): string | undefined {
  if (!security.allow.some((group) => group === "file-read" || group === "file-write")) {
    return 'security.allow lists neither "file-read" nor "file-write"';
  }
  return security.allowed_read_paths.length + security.allowed_write_paths.length === 0
    ? "security.allowed_read_paths and allowed_write_paths are empty, so no file may be opened"
    : undefined;
}

/** Refuses a mode whose group is off. Not as a missing command: opening in another mode works. */
function checkGroups({ canRead, canWrite }: Handle, { config: { security } }: Context): void {
  for (const [isNeeded, group] of [[canRead, "file-read"], [canWrite, "file-write"]] as const) {
    if (!isNeeded || security.allow.includes(group)) continue;
    throw permissionDenied(
      `this mode needs the group "${group}", which security.allow does not list`,
    );
  }
}

const shared = { access: "always", audited: true, disabled } as const;

/** The commands on a table of handles. */
export const fileCommands = (handles: Handles): readonly Method[] => [
  qgaCommand({
    ...shared,
    name: "guest-file-open",
    summary: "Opens a file",
    params: z.strictObject({ path: Path, mode: z._default(z.string(), "r") }),
    target: ({ path, mode }) => ({ path, mode }),
    run: async ({ path, mode }, context) => {
      // The letter b means nothing, wherever it stands.
      const letters = mode.replace("b", "");
      const allowed = Object.hasOwn(MODES, letters) ? MODES[letters] : undefined;
      if (allowed === undefined) {
        throw invalidParams(`invalid file open mode '${mode.slice(0, 20)}'`);
      }
      const handle: Handle = { path, position: 0, ...allowed };
      checkGroups(handle, context);
      await prepareFile(handle, letters, context);
      return handles.add(handle);
    },
  }),
  qgaCommand({
    ...shared,
    name: "guest-file-close",
    summary: "Closes a handle",
    params: z.strictObject({ handle: HandleNumber }),
    audited: false,
    run: ({ handle }) => {
      handles.close(handle);
      return {};
    },
  }),
  qgaCommand({
    ...shared,
    access: "file-read",
    name: "guest-file-read",
    summary: "Reads from the position",
    params: z.strictObject({ handle: HandleNumber, count: z._default(z.int(), DEFAULT_COUNT) }),
    target: ({ handle }) => describe(handles, handle),
    known: ({ handle: number, count }, context) => {
      const handle = toRead(handles, number, count);
      const file = filesOf(context.guest).openAgain?.(allow(handle, context));
      if (file === undefined) return undefined;
      using _file = file;
      const wanted = sizeOfPiece(count, context);
      const piece = file.readAhead?.(handle.position, wanted);
      return piece && takePiece(handle, piece, wanted);
    },
    run: async ({ handle: number, count }, context) => {
      const handle = toRead(handles, number, count);
      const { guest, signal } = context;
      const file = await filesOf(guest).open(allow(handle, context), { access: "read", signal });
      using _file = file;
      const wanted = sizeOfPiece(count, context);
      return takePiece(handle, await file.readAt(handle.position, wanted, signal), wanted);
    },
  }),
  qgaCommand({
    ...shared,
    access: "file-write",
    name: "guest-file-write",
    summary: "Writes at the position",
    params: z.strictObject({
      handle: HandleNumber,
      "buf-b64": z.union([z.string(), z.instanceof(LongText)]),
      count: z.optional(z.int()),
    }),
    longArgument: "buf-b64",
    target: ({ handle }) => describe(handles, handle),
    run: async ({ handle: number, count, "buf-b64": content }, context) => {
      const handle = handles.use(number);
      const decoded = decodeInPieces(content, "buf-b64");
      try {
        const length = count ?? decoded.byteLength;
        if (length < 0 || length > decoded.byteLength) {
          throw invalidParams(`value '${length}' is invalid for argument count`);
        }
        if (!handle.canWrite) {
          throw commandFailed("failed to write to file: it was opened to read");
        }
        if (length > 0) await write(handle, decoded, length, context);
        return { count: length, eof: false };
      } finally {
        decoded.release();
      }
    },
  }),
  qgaCommand({
    ...shared,
    name: "guest-file-seek",
    summary: "Moves the position",
    params: z.strictObject({
      handle: HandleNumber,
      offset: Int64,
      whence: z.union([z.int(), z.enum(["set", "cur", "end"])]),
    }),
    audited: false,
    run: async ({ handle: number, offset, whence }, context) => {
      const handle = handles.use(number);
      const from = Object.hasOwn(WHENCE, whence) ? WHENCE[whence] : undefined;
      if (from === undefined) throw invalidParams(`invalid whence code ${whence}`);
      const base = from === "set"
        ? 0
        : from === "cur"
        ? handle.position
        : await sizeOf(handle, context);
      const position = base + numberOf(offset);
      if (position < 0 || !Number.isSafeInteger(position)) {
        throw commandFailed("failed to seek file: Invalid argument");
      }
      handle.position = position;
      return { position, eof: false };
    },
  }),
  qgaCommand({
    ...shared,
    name: "guest-file-flush",
    summary: "Does nothing: writes are not held back",
    params: z.strictObject({ handle: HandleNumber }),
    audited: false,
    run: ({ handle }) => {
      handles.use(handle);
      return {};
    },
  }),
];

/** @throws {RpcError} -32000 if the guest has none that it can reach. */
const filesOf = ({ files }: Guest): Files => needed(files, "access files");

/** Checks that the file is there; creates or empties it if the mode says so. */
async function prepareFile(handle: Handle, mode: string, context: Context): Promise<void> {
  const { guest, signal } = context;
  const files = filesOf(guest);
  const path = allow(handle, context);
  if (mode.startsWith("w")) {
    return await files.replace(path, NOTHING, { createDirectories: false, signal });
  }
  const file = await files.open(path, {
    access: handle.canWrite ? "write" : "read",
    ...(mode.startsWith("a") ? { create: { createDirectories: false } } : {}),
    signal,
  });
  file[Symbol.dispose]();
}

/** @throws {RpcError} if it cannot be read, or not as much at once. */
function toRead(handles: Handles, number: number, count: number): Handle {
  const handle = handles.use(number);
  if (count < 0 || count > MAX_COUNT) {
    throw invalidParams(`value '${count}' is invalid for argument count`);
  }
  if (!handle.canRead) throw commandFailed("failed to read file: it was opened to write");
  return handle;
}

const sizeOfPiece = (count: number, { resultLimitBytes }: Context): number =>
  Math.min(count, MAX_READ_BYTES, base64Capacity(resultLimitBytes - OTHER_MEMBERS_BYTES));

/** The result with a piece, which moves the position. */
function takePiece(handle: Handle, piece: Piece, wanted: number) {
  const { byteLength } = piece.bytes;
  handle.position += byteLength;
  return { count: byteLength, "buf-b64": piece.base64(), eof: byteLength < wanted };
}

/** Writes the first `length` bytes of the content. */
async function write(
  handle: Handle,
  content: Decoded,
  length: number,
  context: Context,
): Promise<void> {
  const { guest, config: { security }, signal } = context;
  const files = filesOf(guest);
  if (handle.appends) handle.position = await sizeOf(handle, context);
  refuseGrowth(handle.path, handle.position + length, security.max_file_size_mb);
  const file = await files.open(allow(handle, context), { access: "write", signal });
  using _file = file;
  const end = handle.position + length;
  for (const piece of content.pieces()) {
    const bytes = piece.subarray(0, end - handle.position);
    if (bytes.byteLength === 0) return;
    await file.writeAt(handle.position, bytes, signal);
    handle.position += bytes.byteLength;
  }
}

/** As it is now: others may write to the file, too. */
async function sizeOf(handle: Handle, context: Context): Promise<number> {
  const { guest, signal } = context;
  const files = filesOf(guest);
  return (await files.status(allow(handle, context), signal)).sizeBytes;
}

/** For log and audit; the handle may be unknown, which the command tells. */
function describe(handles: Handles, number: number): Readonly<Record<string, unknown>> {
  return { handle: number, path: handles.pathOf(number) };
}
