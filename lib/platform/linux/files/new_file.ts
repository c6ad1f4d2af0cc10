/**
 * Creates and replaces files inside an allowed path without following links.
 *
 * The file shell (`file_shell.ts`) creates a file that only the agent can access and gives it its
 * name once it is complete. It removes the file if the agent gives up or dies.
 *
 * @module
 */

import { basename, dirname } from "@std/path/posix";
import { commandFailed, permissionDenied, type RpcError } from "../../../base/errors.ts";
import type { NewFileOptions } from "../../../guest/files.ts";
import { type AllowedPath, isInside } from "../../../policy/paths.ts";
import type { BoundedOpens } from "./bounded_opens.ts";
import type { FileShell, ShellAnswer } from "./file_shell.ts";
import { SHELL_STATUS } from "./file_shell_script.ts";
import type { FileShells } from "./file_shells.ts";
import type { FileSystemType, FileSystemTypes } from "./file_system_types.ts";
import { PositionedFile } from "../../positioned_file.ts";
import { tooManyUploads } from "../../uploads.ts";
import { permissionBits } from "./file_type.ts";
import { type Place, placeFor, siblingOf } from "./new_file_place.ts";
import { openRealFile, statIfAny } from "./real_file.ts";
import { renameInPlace } from "./rename_in_place.ts";
import { Turns } from "./turns.ts";
import { routeTo, walkFailure } from "./walk.ts";

const DEFAULT_MODE = 0o644;
const OWNER_WRITE = 0o200;
const EXECUTE_BITS = 0o111;
const ALL_BITS = 0o777;
const PRIVATE_UMASK = 0o077;
const MAX_SWEPT = 64;

const encoder = new TextEncoder();
const COMMIT = encoder.encode("commit\n");
const RENAMED = encoder.encode("renamed\n");
const GIVE_UP = encoder.encode("give up\n");

/** What creating files needs. */
export interface NewFilesOptions {
  readonly shells: FileShells;
  readonly opens: BoundedOpens;
  readonly types: FileSystemTypes;
  /** Whether a child has to write what goes to a file system in memory. */
  readonly separate: boolean;
}

/** Creates files. */
export class NewFiles {
  readonly #options: NewFilesOptions;
  readonly #turns = new Turns();
  /** Directories without leftovers of a previous agent. */
  readonly #swept = new Set<string>();

  constructor(options: NewFilesOptions) {
    this.#options = options;
  }

  /**
   * Replaces or creates the file.
   *
   * @throws {RpcError} -32001 if the path contains a link or the guest refuses, -32002 for a
   * missing directory, -32000 if it cannot be created; the old file is then unchanged.
   */
  async replace(
    target: AllowedPath,
    bytes: Uint8Array,
    { mode, createDirectories, signal }: NewFileOptions & { readonly signal: AbortSignal },
  ): Promise<void> {
    const existing = await statIfAny(target.path);
    const options = {
      mode: mode ?? permissionBits(existing?.mode ?? DEFAULT_MODE),
      createDirectories,
    };
    const replace = () => this.#replace(target, bytes, options, signal);
    // The name next to a file is always the same.
    if (target.path !== target.root) return await replace();
    await this.#turns.take(target.path, signal, replace);
  }

  async #replace(
    target: AllowedPath,
    bytes: Uint8Array,
    options: Required<NewFileOptions>,
    signal: AbortSignal,
  ): Promise<void> {
    const directory = await this.#lookAt(target, signal);
    const byChild = this.#options.separate && (directory?.isInMemory ?? true);
    await this.#options.shells.use(signal, async (shell) => {
      const place = placeFor(target, freshName(shell));
      const answer = await shell.ask("replace", routeTo(dirname(target.path), target.root), [
        ...this.#newFileValues(target, place, options),
        byChild ? String(bytes.byteLength) : "",
      ], signal);
      if (answer.word !== "ready") throw failure(target, answer);
      if (!byChild) {
        await this.#write(place, bytes, signal).catch(async (error) => {
          await shell.send([GIVE_UP], signal);
          throw error;
        });
      }
      const isRenamed = !byChild && place.private === "0" && !isLate(options.mode) &&
        directory?.isLocal === true &&
        await renameInPlace(
          { from: place.temporary, to: target, device: directory.device },
          signal,
        );
      const content = byChild ? [bytes.slice()] : [];
      const done = await shell.send([...content, isRenamed ? RENAMED : COMMIT], signal);
      if (done.word !== "0") throw failure(target, done);
      this.#remember(target);
    });
  }

  /**
   * Creates an empty file. An existing file is left alone.
   *
   * @throws As {@link replace}.
   */
  async create(
    target: AllowedPath,
    { mode = DEFAULT_MODE, createDirectories }: NewFileOptions,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#options.shells.use(signal, async (shell) => {
      const route = routeTo(dirname(target.path), target.root);
      const name = freshName(shell);
      const isOwn = placeFor(target, name).private === "0";
      const values = this.#newFileValues(target, { private: isOwn ? "0" : "1", name }, {
        mode,
        createDirectories,
      });
      const answer = await shell.ask("create", route, values, signal);
      const isThere = answer.word === "0" || answer.word === String(SHELL_STATUS.exists);
      if (!isThere) throw failure(target, answer);
      this.#remember(target);
    });
  }

  #newFileValues(
    { path, root }: AllowedPath,
    place: Pick<Place, "private" | "name">,
    { mode = DEFAULT_MODE, createDirectories }: NewFileOptions,
  ): string[] {
    const umask = isLate(mode) ? PRIVATE_UMASK : ALL_BITS & ~mode;
    const isSwept = path === root || this.#swept.has(dirname(path));
    return [
      umask.toString(8),
      isLate(mode) ? mode.toString(8) : "",
      createDirectories ? "1" : "0",
      place.private,
      isSwept ? "0" : "1",
      place.name,
      basename(path),
    ];
  }

  #remember({ path }: AllowedPath): void {
    if (this.#swept.size >= MAX_SWEPT) this.#swept.clear();
    this.#swept.add(dirname(path));
  }

  async #write({ temporary }: Place, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const { file, info } = await openRealFile(this.#options.opens, temporary, "write", signal);
    using _file = file;
    if (info.size !== 0 || info.nlink !== 1) {
      throw permissionDenied("the temporary file was replaced", {
        path: temporary.path,
      });
    }
    await new PositionedFile(file).writeAt(0, bytes, signal);
    await file.sync();
  }

  /** What is known of the target's directory; nothing if it is missing or not allowed itself. */
  async #lookAt(
    { path, root }: AllowedPath,
    signal: AbortSignal,
  ): Promise<FileSystemType & { readonly device: number } | undefined> {
    const directory = dirname(path);
    // The confinement grants only the file itself.
    if (!isInside(directory, root)) return undefined;
    const info = await Deno.lstat(directory).catch(() => undefined);
    if (info === undefined || info.isSymlink) return undefined;
    const device = info.dev;
    const type = await this.#options.types.typeOf(device, { path: directory, root }, signal);
    return { ...type, device };
  }
}

/** Whether the mode is set last: a umask cannot give every mode, and some prevent writing. */
const isLate = (mode: number) => (mode & EXECUTE_BITS) !== 0 || (mode & OWNER_WRITE) === 0;

const freshName = (shell: FileShell) => `.kvmmanager-${shell.pid}-${crypto.randomUUID()}`;

function failure(target: AllowedPath, { word, text }: ShellAnswer): RpcError {
  const { path, root } = target;
  const status = Number(word);
  if (status === SHELL_STATUS.foreign) {
    const reason = `${siblingOf(root)} exists and was not created by the agent; remove it`;
    return commandFailed(reason, { path });
  }
  if (status === SHELL_STATUS.tooManyUploads) {
    return commandFailed(tooManyUploads(dirname(path)), { path });
  }
  return walkFailure(target, {
    status,
    text,
    action: "created",
    hint: "; set create_dirs to create it",
  });
}
