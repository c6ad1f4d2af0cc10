/**
 * A disk that fills up quickly: a tiny file system in a separate mount namespace, with or without root.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { outcomeOf } from "../_deno.ts";
import type { AgentOptions, Paths } from "./_agent.ts";

/** How the disk is mounted. */
export interface TinyDiskOptions {
  /** The directory that it is mounted on; readable and writable by default. */
  readonly on?: (paths: Paths) => string;
  /** Options of mount(8). */
  readonly options?: string;
}

/** A wrapper that gives an agent such a disk, or `undefined` if mounting is not possible. */
export async function tinyDisk(
  { on = ({ files }) => files, options = "size=64k" }: TinyDiskOptions = {},
): Promise<AgentOptions["wrapper"] | undefined> {
  const mounted = await tinyMount(options);
  return mounted === undefined ? undefined : (paths) => mounted(on(paths));
}

/**
 * The words to put before a command line so that a directory becomes the disk; `undefined` if
 * mounting is not possible.
 *
 * @param options Options of mount(8).
 */
export async function tinyMount(
  options: string,
): Promise<((directory: string) => string[]) | undefined> {
  const mount = `mount -t tmpfs -o ${options} tmpfs "$0"`;
  for (const words of [["unshare", "-m"], ["unshare", "-rm"]]) {
    const directory = await Deno.makeTempDir();
    const [program = "", ...args] = words;
    try {
      const { success } = await new Deno.Command(program, {
        args: [...args, "sh", "-c", mount, directory],
        stderr: "null",
      }).output();
      if (success) return (disk) => [...words, "sh", "-c", `${mount} && exec "$@"`, disk];
    } catch {
      // The program does not exist.
    } finally {
      await Deno.remove(directory);
    }
  }
  return undefined;
}

/** A tiny disk that several agents can use one after another, and that can become read-only. */
export class SharedDisk implements AsyncDisposable {
  readonly #holder: Deno.ChildProcess;
  readonly #directory: string;
  readonly #enter: readonly string[];

  private constructor(holder: Deno.ChildProcess, directory: string, isRoot: boolean) {
    this.#holder = holder;
    this.#directory = directory;
    const user = isRoot ? [] : ["-U", "--preserve-credentials"];
    // Entering leaves the working directory.
    const stay = ["sh", "-c", 'cd "$0" && exec "$@"', Deno.cwd()];
    this.#enter = ["nsenter", "-t", String(holder.pid), "-m", ...user, "--", ...stay];
  }

  /**
   * Mounts it on a directory; `undefined` if mounting is not possible.
   *
   * @param options Options of mount(8).
   */
  static async mount(directory: string, options: string): Promise<SharedDisk | undefined> {
    const mounted = await tinyMount(options);
    if (mounted === undefined) return undefined;
    const [program = "", ...args] = [...mounted(directory), "sh", "-c", "echo mounted; exec cat"];
    const holder = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
    const reader = holder.stdout.getReader();
    const { value } = await reader.read();
    assertEquals(new TextDecoder().decode(value), "mounted\n");
    reader.releaseLock();
    return new SharedDisk(holder, directory, !args.includes("-rm"));
  }

  /** What to put before an agent's command line; see {@link AgentOptions.wrapper}. */
  readonly wrapper = (): readonly string[] => this.#enter;

  /** Lets no file be created, changed or removed, except for those that are open. */
  async makeReadOnly(): Promise<void> {
    await this.#run('mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"');
  }

  /** Undoes {@link makeReadOnly}. */
  async makeWritable(): Promise<void> {
    await this.#run('umount -l "$0"');
  }

  async #run(script: string): Promise<void> {
    const [program = "", ...args] = [...this.#enter, "sh", "-c", script, this.#directory];
    const child = new Deno.Command(program, { args, stdout: "piped", stderr: "piped" }).spawn();
    const { code, stderr } = await outcomeOf(child);
    assert(code === 0, stderr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.stdin.close();
    await this.#holder.stdout.cancel();
    await this.#holder.status;
  }
}
