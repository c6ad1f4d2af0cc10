/**
 * A disk that fills up quickly: a tiny file system in a separate mount namespace, with or without root.
 *
 * @module
 */

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
