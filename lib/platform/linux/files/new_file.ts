/**
 * Making and replacing files inside an allowed path without following a link.
 *
 * The file shell (`file_shell.ts`) makes a file that only the agent can reach and gives it its name
 * once it is complete. It removes the file if the agent gives up or dies.
 *
 * @module
 */

import { basename, dirname } from "@std/path/posix";
import { commandFailed, permissionDenied, type RpcError } from "../../../base/errors.ts";
import type { NewFileOptions } from "../../../guest/files.ts";
import { type AllowedPath, isInside } from "../../../policy/paths.ts";
import type { BoundedOpens } from "./bounded_opens.ts";
import type { FileShell, ShellAnswer } from "./file_shell.ts";
import { MAX_UPLOADS, PRIVATE_FILE, SHELL_STATUS } from "./file_shell_script.ts";
import type { FileShells } from "./file_shells.ts";
import { PositionedFile } from "./file_io.ts";
import { permissionBits } from "./file_type.ts";
import type { MemoryBacked } from "./memory_backed.ts";
import { openRealFile, statIfAny } from "./real_file.ts";
import { Turns } from "./turns.ts";
import { routeTo, walkFailure } from "./walk.ts";

const DEFAULT_MODE = 0o644;
const OWNER_WRITE = 0o200;
const OTHERS_WRITE = 0o022;
const EXECUTE_BITS = 0o111;
const ALL_BITS = 0o777;
const PRIVATE_UMASK = 0o077;
const MAX_SWEPT = 64;

const encoder = new TextEncoder();
const COMMIT = encoder.encode("commit\n");
const GIVE_UP = encoder.encode("give up\n");

/**
 * The private directory for the new content of an allowed path that is itself a file: the
 * confinement allows writing nothing else beside it.
 */
export const siblingOf = (root: string): string => root === "/" ? root : `${root}.kvmmanager-new`;

/** What making files needs. */
export interface NewFilesOptions {
  readonly shells: FileShells;
  readonly opens: BoundedOpens;
  /** Where a child has to write the content; `undefined` if the agent may write everywhere. */
  readonly memoryBacked: MemoryBacked | undefined;
}

/** Where a new file is before it gets its name. */
interface Place {
  /** `fixed` for a private directory of a name that may be left over, 1 for a fresh one, else 0. */
  readonly private: "0" | "1" | "fixed";
  /** The name of the private directory, or of the file. */
  readonly name: string;
  /** The file. */
  readonly temporary: AllowedPath;
}

/** Makes files. */
export class NewFiles {
  readonly #options: NewFilesOptions;
  readonly #turns = new Turns();
  /** Directories in which nothing is left over from a former agent. */
  readonly #swept = new Set<string>();

  constructor(options: NewFilesOptions) {
    this.#options = options;
  }

  /**
   * Replaces the file, or makes it.
   *
   * @throws {RpcError} -32001 for a link on the way or if the guest refuses, -32002 for a missing
   * directory, -32000 if it cannot be made; the old file is untouched then.
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
    // The name beside a file is always the same.
    if (target.path !== target.root) return await replace();
    await this.#turns.take(target.path, signal, replace);
  }

  async #replace(
    target: AllowedPath,
    bytes: Uint8Array,
    options: Required<NewFileOptions>,
    signal: AbortSignal,
  ): Promise<void> {
    const byChild = await this.#mustBeWrittenByChild(target, signal);
    await this.#options.shells.use(signal, async (shell) => {
      const place = placeFor(target, shell);
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
      const content = byChild ? [bytes.slice()] : [];
      const done = await shell.send([...content, COMMIT], signal);
      if (done.word !== "0") throw failure(target, done);
      this.#remember(target);
    });
  }

  /**
   * Makes an empty file. One that exists is left alone.
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
      const values = this.#newFileValues(target, { private: "1", name: freshName(shell) }, {
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
    // A umask cannot give every mode, and some would keep us from writing: they are set at the end.
    const isLate = (mode & EXECUTE_BITS) !== 0 || (mode & OWNER_WRITE) === 0;
    const umask = isLate ? PRIVATE_UMASK : ALL_BITS & ~mode;
    const isSwept = path === root || this.#swept.has(dirname(path));
    return [
      umask.toString(8),
      isLate ? mode.toString(8) : "",
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
      throw permissionDenied("the temporary file was replaced by another one", {
        path: temporary.path,
      });
    }
    await new PositionedFile(file).writeAt(0, bytes, signal);
    await file.sync();
  }

  async #mustBeWrittenByChild(
    { path, root }: AllowedPath,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { memoryBacked } = this.#options;
    if (memoryBacked === undefined) return false;
    const directory = dirname(path);
    // The confinement grants only the file itself, or there is no directory yet.
    if (!isInside(directory, root)) return true;
    const info = await Deno.lstat(directory).catch(() => undefined);
    return info === undefined || info.isSymlink ||
      await memoryBacked.has(info.dev, { path: directory, root }, signal);
  }
}

const freshName = (shell: FileShell) => `.kvmmanager-${shell.pid}-${crypto.randomUUID()}`;

function placeFor({ path, root }: AllowedPath, shell: FileShell): Place {
  if (path === root) {
    const sibling = siblingOf(root);
    return {
      private: "fixed",
      name: basename(sibling),
      temporary: { path: `${sibling}/${PRIVATE_FILE}`, root: sibling },
    };
  }
  const directory = dirname(path);
  const name = freshName(shell);
  const beside = `${directory === "/" ? "" : directory}/${name}`;
  return onlyOwnerWrites(directory)
    ? { private: "0", name, temporary: { path: beside, root } }
    : { private: "1", name, temporary: { path: `${beside}/${PRIVATE_FILE}`, root } };
}

/** Whether nobody else can create or rename anything in the directory: it is as good as private. */
function onlyOwnerWrites(directory: string): boolean {
  try {
    const { isDirectory, uid, mode } = Deno.lstatSync(directory);
    return isDirectory && uid === Deno.uid() && ((mode ?? OTHERS_WRITE) & OTHERS_WRITE) === 0;
  } catch {
    return false;
  }
}

function failure(target: AllowedPath, { word, text }: ShellAnswer): RpcError {
  const { path, root } = target;
  const status = Number(word);
  if (status === SHELL_STATUS.foreign) {
    const reason = `${siblingOf(root)} is in the way and was not made by the agent: remove it`;
    return commandFailed(reason, { path });
  }
  if (status === SHELL_STATUS.tooManyUploads) {
    const reason = `${dirname(path)} holds ${MAX_UPLOADS} unfinished uploads, the maximum: ` +
      `finish or remove some`;
    return commandFailed(reason, { path });
  }
  return walkFailure(target, { status, text, action: "made", hint: "; create_dirs makes it" });
}
