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
import { childHash, type ChildHashTools } from "./child_hash.ts";
import { permissionBits } from "./file_type.ts";
import { hashPart, refuseChanged } from "./hash_part.ts";
import { openRealFile, statIfAny } from "./real_file.ts";
import { restatIfSame } from "./real_path.ts";
import { renameInPlace } from "./rename_in_place.ts";
import { routeTo, walkFailure } from "./walk.ts";

const DEFAULT_MODE = 0o644;

/** What committing needs. */
export interface CommitTools extends ChildHashTools {
  readonly opens: BoundedOpens;
}

/**
 * Verifies a file, flushes it to the disk and renames it within its directory.
 *
 * @throws {RpcError} -32001 if the path contains a link or another file has replaced it, -32000 if
 * size or hash differ or it cannot be renamed; both files are then unchanged, but for the permissions
 * of the one that was verified.
 */
export async function commitFile(
  tools: CommitTools,
  target: AllowedPath,
  { from, sizeBytes, sha256, mode, signal }: CommitOptions,
): Promise<void> {
  const { file, info } = await openRealFile(tools.opens, from, "both", signal);
  using _file = file;
  if (info.size !== sizeBytes) {
    const reason = `${from.path} has ${info.size} bytes, not ${sizeBytes}`;
    throw commandFailed(reason, { path: from.path, size_bytes: info.size });
  }
  const existing = await statIfAny(target.path);
  const bits = mode ?? permissionBits(existing?.mode ?? DEFAULT_MODE);
  const verified = { file, info, path: from.path };
  const then = { mode: bits, expected: sha256 };
  const byChild = await childHash(tools, from, info, { signal, then });
  const all = { offset: 0, length: info.size };
  if ((byChild ?? await hashPart(verified, all, signal)) !== sha256) {
    throw commandFailed(`the SHA-256 of ${from.path} does not match`, { path: from.path });
  }
  refuseChanged(verified);
  await file.sync();
  // The child has set the permissions, where nobody else can swap anything.
  const isRenamed = byChild !== undefined && restatIfSame(from.path, info) !== undefined &&
    await renameInPlace({ from, to: target, device: info.dev }, signal);
  if (!isRenamed) await commitByShell(tools.shells, target, { from, info, mode: bits, signal });
}

interface Verified extends Pick<CommitOptions, "from" | "signal"> {
  readonly info: Deno.FileInfo;
  readonly mode: number;
}

async function commitByShell(
  shells: FileShells,
  target: AllowedPath,
  { from, info, mode, signal }: Verified,
): Promise<void> {
  const { word, text } = await shells.use(
    signal,
    (shell) =>
      shell.ask("commit", routeTo(dirname(target.path), target.root), [
        `${info.dev}:${info.ino}`,
        mode.toString(8),
        basename(from.path),
        `.kvmmanager-${shell.pid}-${crypto.randomUUID()}`,
        basename(target.path),
      ], signal),
  );
  if (word !== "0") {
    throw walkFailure(target, { status: Number(word), text, action: "renamed into place" });
  }
}
