/**
 * Gives a file that was written in pieces its final name.
 *
 * @module
 */

import { basename, dirname } from "@std/path/posix";
import { commandFailed } from "../../../base/errors.ts";
import type { CommitOptions } from "../../../guest/files.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import type { BoundedOpens } from "./bounded_opens.ts";
import type { FileShells } from "./file_shells.ts";
import { permissionBits } from "./file_type.ts";
import { hashPart } from "./hash_part.ts";
import { openRealFile, statIfAny } from "./real_file.ts";
import { routeTo, walkFailure } from "./walk.ts";

const DEFAULT_MODE = 0o644;

/** What committing needs. */
export interface CommitTools {
  readonly shells: FileShells;
  readonly opens: BoundedOpens;
}

/**
 * Verifies a file, flushes it to the disk and renames it within its directory.
 *
 * @throws {RpcError} -32001 if the path contains a link or another file has replaced it, -32000 if
 * size or hash differ or it cannot be renamed; both files are then unchanged.
 */
export async function commitFile(
  { shells, opens }: CommitTools,
  target: AllowedPath,
  { from, sizeBytes, sha256, mode, signal }: CommitOptions,
): Promise<void> {
  const { file, info } = await openRealFile(opens, from, "both", signal);
  using _file = file;
  if (info.size !== sizeBytes) {
    const reason = `${from.path} has ${info.size} bytes, not ${sizeBytes}`;
    throw commandFailed(reason, { path: from.path, size_bytes: info.size });
  }
  const all = { offset: 0, length: info.size };
  if (await hashPart({ file, info, path: from.path }, all, signal) !== sha256) {
    throw commandFailed(`the SHA-256 of ${from.path} does not match`, { path: from.path });
  }
  await file.sync();
  const existing = await statIfAny(target.path);
  const { word, text } = await shells.use(
    signal,
    (shell) =>
      shell.ask("commit", routeTo(dirname(target.path), target.root), [
        `${info.dev}:${info.ino}`,
        (mode ?? permissionBits(existing?.mode ?? DEFAULT_MODE)).toString(8),
        basename(from.path),
        `.kvmmanager-${shell.pid}-${crypto.randomUUID()}`,
        basename(target.path),
      ], signal),
  );
  if (word !== "0") {
    throw walkFailure(target, { status: Number(word), text, action: "renamed into place" });
  }
}
